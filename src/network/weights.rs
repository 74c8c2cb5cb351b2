//! The tensors of a network: float32, finite, of a `.safetensors` file.

use super::fields::{Fields, clipped};
use super::{Tensor, shape};
use crate::error::{Error, Result};
use safetensors::{Dtype, SafeTensors};

/// The tensors of the weights' file.
pub(super) struct Weights<'a> {
    tensors: SafeTensors<'a>,
    place: &'a str,
}

impl<'a> Weights<'a> {
    /// Reads the header; `place` is the file's name in messages.
    pub(super) fn open(bytes: &'a [u8], place: &'a str) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| {
            Error::input(place, format!("not a whole .safetensors file ({} bytes): {e}", bytes.len()))
                .hint("was it copied or downloaded to its end?")
        })?;
        Ok(Weights { tensors, place })
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

    /// The tensor that `roles` names for `role`: a vector, unless it is the weight.
    pub(super) fn tensor(&self, roles: &mut Fields, role: &str, at: &dyn Fn(String) -> Error) -> Result<Tensor> {
        let name = roles.text(role).map_err(|e| at(format!("weights: {e}")))?;
        let tensor = self.get(&name)?;
        match (role, tensor.shape.len()) {
            ("weight", _) | (_, 1) => Ok(tensor),
            _ => Err(self.about(&name, format!("shape {:?}; a `{role}` has one axis", tensor.shape))),
        }
    }

    fn about(&self, tensor: &str, message: String) -> Error {
        Error::input(format!("{}: tensor `{}`", self.place, clipped(tensor)), message)
    }

    fn get(&self, name: &str) -> Result<Tensor> {
        let Ok(view) = self.tensors.tensor(name) else {
            return Err(self.about(name, "missing".into()).hint(format!("the file holds {} tensors", self.tensors.len())));
        };
        if view.dtype() != Dtype::F32 {
            return Err(self.about(name, format!("type {:?}; supported: F32", view.dtype())).hint("save the weights as float32"));
        }
        shape::values(view.shape()).map_err(|e| self.about(name, e))?;
        let values: Vec<f32> = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if let Some(bad) = values.iter().position(|v| !v.is_finite()) {
            return Err(self.about(name, format!("value {bad} is {}; weights must be finite", values[bad])));
        }
        Ok(Tensor { shape: view.shape().to_vec(), values })
    }
}
