//! Constants of an ONNX graph: a `TensorProto` to numbers. Nothing is allocated by what a header says: the bytes must be there.

use super::external::Folder;
use super::messages::TensorProto;
use crate::error::{Error, Result};
use crate::network::shape::MAX_VALUES;
use std::fmt::Display;

/// Known numbers, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// Lengths of the axes; none for a scalar.
    pub shape: Vec<usize>,
    /// As many as the shape says.
    pub values: Values,
}

/// The numbers of a constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// float32, or float64 rounded to it.
    Floats(Vec<f32>),
    /// Whole numbers, and whether the file has them as int8 or uint8.
    Integers(Vec<i64>, Eight),
    /// Integers with what one is worth along an axis (one step for all, or one for each place on it).
    Steps {
        /// Without their zero point.
        integers: Vec<i32>,
        /// What one is worth.
        steps: Vec<f64>,
        /// The axis that several steps go along.
        axis: usize,
    },
}

/// Whether integers have 8 bits in the file, as quantised ones do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eight {
    /// int8.
    Signed,
    /// uint8.
    Unsigned,
    /// Other bits.
    Not,
}

impl Constant {
    /// Whole numbers of 64 bits along one axis: what shapes are made of.
    pub fn of_shape(values: Vec<i64>) -> Self {
        Constant { shape: vec![values.len()], values: Values::Integers(values, Eight::Not) }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers as floats, whatever they are.
    pub fn floats(&self) -> Vec<f32> {
        match &self.values {
            Values::Floats(values) => values.clone(),
            Values::Integers(values, _) => values.iter().map(|&n| n as f32).collect(),
            Values::Steps { integers, steps, axis } => {
                let inner: usize = self.shape.iter().skip(axis + 1).product();
                let step = |i: usize| if steps.len() == 1 { steps[0] } else { steps[i / inner.max(1) % steps.len()] };
                integers.iter().enumerate().map(|(i, &n)| (f64::from(n) * step(i)) as f32).collect()
            }
        }
    }

    /// The numbers, if they are whole ones.
    pub fn integers(&self) -> Option<&[i64]> {
        match &self.values {
            Values::Integers(values, _) => Some(values),
            _ => None,
        }
    }

    /// The same numbers in another order: `from[i]` is the place of number i of the result. `axis_of` says where an axis goes.
    pub fn rearranged(&self, shape: Vec<usize>, from: &[usize], axis_of: impl Fn(usize) -> usize) -> Constant {
        fn pick<T: Copy>(values: &[T], from: &[usize]) -> Vec<T> {
            from.iter().map(|&i| values[i]).collect()
        }
        let values = match &self.values {
            Values::Floats(values) => Values::Floats(pick(values, from)),
            Values::Integers(values, eight) => Values::Integers(pick(values, from), *eight),
            Values::Steps { integers, steps, axis } => Values::Steps { integers: pick(integers, from), steps: steps.clone(), axis: axis_of(*axis) },
        };
        Constant { shape, values }
    }
}

/// Most axes of a tensor.
pub const MAX_AXES: usize = 32;

/// True if a tensor of `shape`, or any of its axes together, has at most `most` values.
pub fn bounded(shape: &[usize], most: usize) -> bool {
    shape.iter().try_fold(1usize, |n, &axis| n.checked_mul(axis.max(1))).is_some_and(|n| n <= most)
}

/// Reads a tensor; `place` is its name in messages, `folder` where its bytes may lie.
///
/// # Errors
/// A type that is not supported, more values than fit, and fewer or more bytes than its shape says.
pub fn read(tensor: &TensorProto, place: &dyn Display, folder: &Folder) -> Result<Constant> {
    let at = |message: String| Error::input(place, message);
    let shape: Option<Vec<usize>> = tensor.dims.iter().map(|&n| usize::try_from(n).ok()).collect();
    let fits_memory = |shape: &Vec<usize>| shape.len() <= MAX_AXES && bounded(shape, MAX_VALUES);
    let Some(shape) = shape.filter(fits_memory) else {
        return Err(at(format!("shape {:?}; a tensor has at most {MAX_VALUES} values", tensor.dims.iter().take(8).collect::<Vec<_>>())));
    };
    let len: usize = shape.iter().product();
    let Some(kind) = Kind::of(tensor.data_type) else {
        return Err(at(format!("type {}; supported: float32, float64, int8 to int64, uint8 to uint32, bool", type_name(tensor.data_type)))
            .hint("export the model in float32"));
    };
    let external;
    let raw: &[u8] = if tensor.data_location == 1 {
        external = folder.bytes(tensor, len * kind.width(), place)?;
        &external
    } else {
        &tensor.raw_data
    };
    let fits = |found: usize, what: &str| match found == len {
        true => Ok(()),
        false => Err(at(format!("{found} {what} for a tensor of shape {shape:?}")).hint("was the file copied or downloaded to its end?")),
    };
    let values = if raw.is_empty() && tensor.data_location != 1 {
        match kind {
            Kind::F32 => Values::Floats(tensor.float_data.clone()),
            Kind::F64 => Values::Floats(tensor.double_data.iter().map(|&v| v as f32).collect()),
            Kind::Int { width: 8, .. } => kind.integers(tensor.int64_data.clone()),
            Kind::Int { .. } => kind.integers(tensor.int32_data.iter().map(|&n| i64::from(n)).collect()),
        }
    } else {
        if !raw.len().is_multiple_of(kind.width()) {
            return Err(at(format!("{} bytes; a value has {}", raw.len(), kind.width())));
        }
        fits(raw.len() / kind.width(), "values")?;
        kind.read(raw)
    };
    let found = match &values {
        Values::Floats(values) => values.len(),
        Values::Integers(values, _) => values.len(),
        Values::Steps { integers, .. } => integers.len(),
    };
    fits(found, "values")?;
    Ok(Constant { shape, values })
}

/// A type of numbers that is read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    F32,
    F64,
    Int { width: usize, signed: bool },
}

impl Kind {
    /// By the number that `TensorProto.DataType` gives it.
    fn of(data_type: i32) -> Option<Kind> {
        let int = |width, signed| Some(Kind::Int { width, signed });
        match data_type {
            1 => Some(Kind::F32),
            2 | 9 => int(1, false),
            3 => int(1, true),
            4 => int(2, false),
            5 => int(2, true),
            6 => int(4, true),
            7 => int(8, true),
            11 => Some(Kind::F64),
            12 => int(4, false),
            _ => None,
        }
    }

    fn width(self) -> usize {
        match self {
            Kind::F32 => 4,
            Kind::F64 => 8,
            Kind::Int { width, .. } => width,
        }
    }

    fn integers(self, values: Vec<i64>) -> Values {
        let eight = match self {
            Kind::Int { width: 1, signed: true } => Eight::Signed,
            Kind::Int { width: 1, signed: false } => Eight::Unsigned,
            _ => Eight::Not,
        };
        Values::Integers(values, eight)
    }

    fn read(self, raw: &[u8]) -> Values {
        match self {
            Kind::F32 => Values::Floats(raw.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
            Kind::F64 => Values::Floats(raw.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect()),
            Kind::Int { width, signed } => {
                let unused = 64 - 8 * width as u32;
                let value = |bytes: &[u8]| {
                    let raw = bytes.iter().rev().fold(0u64, |v, &b| v << 8 | u64::from(b)) << unused;
                    if signed { raw as i64 >> unused } else { (raw >> unused) as i64 }
                };
                self.integers(raw.chunks_exact(width).map(value).collect())
            }
        }
    }
}

/// The word for a type, by its number in `TensorProto.DataType`.
pub fn type_name(data_type: i32) -> String {
    const NAMES: [&str; 17] = [
        "undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "float64", "uint32", "uint64",
        "complex64", "complex128", "bfloat16",
    ];
    usize::try_from(data_type).ok().and_then(|i| NAMES.get(i)).map_or_else(|| format!("number {data_type}"), |name| (*name).to_string())
}
