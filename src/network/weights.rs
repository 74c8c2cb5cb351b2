//! The tensors of a network, of a `.safetensors` file: finite float32, and weights that may be integers (I8 or I16) beside a
//! tensor with what one is worth.

use super::fields::{Fields, clipped};
use super::{LARGEST_INTEGER, Tensor, shape};
use crate::error::{Error, Result};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// Tensors that a message names.
const NAMES_SHOWN: usize = 12;

/// The tensors of the weights' file.
pub(super) struct Weights<'a> {
    tensors: SafeTensors<'a>,
    place: &'a str,
}

/// The tensors of a file, of which the header is read; `place` is the file's name in messages.
///
/// # Errors
/// Bytes that are no whole file of that kind.
pub(crate) fn tensors<'a>(bytes: &'a [u8], place: &str) -> Result<SafeTensors<'a>> {
    SafeTensors::deserialize(bytes).map_err(|e| Error::input(place, format!("not a whole .safetensors file ({} bytes): {e}", bytes.len())).hint("was it copied or downloaded to its end?"))
}

impl<'a> Weights<'a> {
    /// Reads the header; `place` is the file's name in messages.
    pub(super) fn open(bytes: &'a [u8], place: &'a str) -> Result<Self> {
        Ok(Weights { tensors: tensors(bytes, place)?, place })
    }

    /// The vector that `roles` names for `role`, if it names one; `at` makes the node's errors.
    pub(super) fn optional(&self, roles: &mut Fields, role: &str, at: &dyn Fn(String) -> Error) -> Result<Option<Vec<f32>>> {
        let Some(value) = roles.take(role) else { return Ok(None) };
        let name = value.as_str().ok_or_else(|| at(format!("weights.{role} must be the name of a tensor")))?;
        let tensor = self.get(name)?;
        match tensor.shape.len() {
            1 => Ok(Some(tensor.values)),
            _ => Err(self.about(name, format!("shape {:?}; a `{role}` has one axis", tensor.shape))),
        }
    }

    /// The vector that `roles` names for `role`.
    pub(super) fn vector(&self, roles: &mut Fields, role: &str, at: &dyn Fn(String) -> Error) -> Result<Vec<f32>> {
        let name = roles.text(role).map_err(|e| at(format!("weights: {e}")))?;
        let tensor = self.get(&name)?;
        match tensor.shape.len() {
            1 => Ok(tensor.values),
            _ => Err(self.about(&name, format!("shape {:?}; a `{role}` has one axis", tensor.shape))),
        }
    }

    /// The weight that `roles` names: float32, or integers and their `weight_scale`.
    pub(super) fn weight(&self, roles: &mut Fields, at: &dyn Fn(String) -> Error) -> Result<Tensor> {
        let name = roles.text("weight").map_err(|e| at(format!("weights: {e}")))?;
        let scale = match roles.take("weight_scale") {
            Some(value) => Some(value.as_str().map(str::to_owned).ok_or_else(|| at("weights.weight_scale must be the name of a tensor".into()))?),
            None => None,
        };
        let view = self.view(&name)?;
        let integers: Vec<i32> = match (view.dtype(), &scale) {
            (Dtype::I8, Some(_)) => view.data().iter().map(|&byte| i32::from(byte as i8)).collect(),
            (Dtype::I16, Some(_)) => view.data().as_chunks().0.iter().map(|bytes| i32::from(i16::from_le_bytes(*bytes))).collect(),
            (Dtype::I8 | Dtype::I16, None) => {
                return Err(self.about(&name, "integers, and no `weight_scale` that says what one is worth".into())
                    .hint("name a tensor of one value, or one for each output, as weights.weight_scale"));
            }
            (_, None) => return self.get(&name),
            (other, Some(_)) => return Err(self.about(&name, format!("type {other:?} with a `weight_scale`; supported: I8, I16")).hint("floats need no scale: leave weight_scale out")),
        };
        shape::values(view.shape()).map_err(|e| self.about(&name, e))?;
        if let Some(bad) = integers.iter().find(|n| n.abs() > LARGEST_INTEGER) {
            return Err(self.about(&name, format!("integer {bad}; supported: -{LARGEST_INTEGER} to {LARGEST_INTEGER}, which is 8 magnitude bits")));
        }
        let step = self.steps(&scale.unwrap_or_default(), view.shape().first().copied().unwrap_or(1))?;
        Ok(Tensor::of_integers(view.shape().to_vec(), &integers, step))
    }

    /// What an integer is worth for each of `outputs`: F32 or F64, one value for all or one each.
    fn steps(&self, name: &str, outputs: usize) -> Result<Vec<f64>> {
        let view = self.view(name)?;
        let values: Vec<f64> = match view.dtype() {
            Dtype::F32 => view.data().as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect(),
            Dtype::F64 => view.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
            other => return Err(self.about(name, format!("type {other:?}; a scale is F32 or F64"))),
        };
        if let Some(bad) = values.iter().find(|v| !(v.is_finite() && **v > 0.0 && (**v * f64::from(LARGEST_INTEGER)).abs() <= f64::from(f32::MAX) && **v >= f64::from(f32::MIN_POSITIVE))) {
            return Err(self.about(name, format!("scale {bad}; it must be above 0 and leave weights within float32")));
        }
        match values.len() {
            1 => Ok(vec![values[0]; outputs]),
            n if n == outputs => Ok(values),
            n => Err(self.about(name, format!("{n} scales for {outputs} outputs")).hint("one for all, or one for each output")),
        }
    }

    fn about(&self, tensor: &str, message: String) -> Error {
        Error::input(format!("{}: tensor `{}`", self.place, clipped(tensor)), message)
    }

    fn view(&self, name: &str) -> Result<TensorView<'_>> {
        self.tensors.tensor(name).map_err(|_| self.about(name, "missing".into()).hint(self.what_is_there()))
    }

    /// The tensors, some of them by name.
    fn what_is_there(&self) -> String {
        let mut names = self.tensors.names();
        names.sort_unstable();
        let some: Vec<String> = names.iter().take(NAMES_SHOWN).map(|name| clipped(name).to_string()).collect();
        format!("the file holds {} tensors: {}{}", names.len(), some.join(", "), if names.len() > NAMES_SHOWN { ", ..." } else { "" })
    }

    fn get(&self, name: &str) -> Result<Tensor> {
        let view = self.view(name)?;
        if view.dtype() != Dtype::F32 {
            return Err(self.about(name, format!("type {:?}; supported: F32", view.dtype())).hint("save the weights as float32"));
        }
        shape::values(view.shape()).map_err(|e| self.about(name, e))?;
        let values: Vec<f32> = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if let Some(bad) = values.iter().position(|v| !v.is_finite()) {
            return Err(self.about(name, format!("value {bad} is {}; weights must be finite", values[bad])));
        }
        Ok(Tensor::of_floats(view.shape().to_vec(), values))
    }
}
