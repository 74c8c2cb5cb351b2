//! How raw pixels become what the network was trained on: x = (u8 * scale - mean) / std. An ONNX file does not say.

use crate::error::{Error, Result};
use crate::network::Preprocess;
use std::str::FromStr;

/// What a user says about pixels; what is left out leaves them as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pixels {
    /// Factor of the raw pixel, 0 to 255.
    pub scale: Option<f64>,
    /// Of scaled pixels, one for all channels or one for each.
    pub mean: Option<Vec<f64>>,
    /// The same.
    pub std: Option<Vec<f64>>,
}

impl Pixels {
    /// True if nothing was said.
    pub fn is_unsaid(&self) -> bool {
        *self == Pixels::default()
    }

    /// For an image of `channels` channels.
    ///
    /// # Errors
    /// Means or standard deviations without a scale, which says of what; another number of them than channels; a scale or a deviation that is
    /// not above 0.
    pub fn preprocess(&self, channels: usize) -> Result<Preprocess> {
        if self.scale.is_none() && (self.mean.is_some() || self.std.is_some()) {
            return Err(Error::usage("--mean and --std without --scale: --scale 1/255 where they are of pixels from 0 to 1, --scale 1 where of pixels from 0 to 255"));
        }
        let per_channel = |flag: &str, list: &Option<Vec<f64>>, missing: f64| match list.as_deref() {
            None => Ok(vec![missing; channels]),
            Some([one]) => Ok(vec![*one; channels]),
            Some(all) if all.len() == channels => Ok(all.to_vec()),
            Some(all) => Err(Error::usage(format!("{flag}: {} numbers for {channels} channels; one for all or one for each", all.len()))),
        };
        let preprocess = Preprocess { scale: self.scale.unwrap_or(1.0), mean: per_channel("--mean", &self.mean, 0.0)?, std: per_channel("--std", &self.std, 1.0)? };
        if !(preprocess.scale > 0.0 && preprocess.std.iter().all(|&s| s > 0.0)) {
            return Err(Error::usage("--scale and every --std must be above 0"));
        }
        Ok(preprocess)
    }
}

/// A number or a fraction, as `1/255`, which decimals do not hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fraction(pub f64);

impl FromStr for Fraction {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        let value = match text.split_once('/') {
            Some((above, below)) => number(above).zip(number(below)).map(|(above, below)| above / below),
            None => number(text),
        };
        value.filter(|n| n.is_finite()).map(Fraction).ok_or_else(|| format!("`{text}` is neither a number nor a fraction like 1/255"))
    }
}
