//! A point as text: the lines that are hashed, and the columns of the CSV files.

use super::keys::{Hash, KEYS};
use super::point::{AdcBits, AdcRange, Encoding, PointConfig, PrecisionMapConfig, ProgrammingError};
use super::words::Choice;

impl PointConfig {
    /// The values that decide the point's results, as sorted lines `key = value`.
    ///
    /// Values without a meaning in this point are absent, and so are paths (the caller adds the hashes of what they
    /// hold), the number of trials and `max_drop`: none of them makes a finished block another one.
    pub fn canonical(&self) -> String {
        let mut lines: Vec<String> = KEYS
            .iter()
            .filter(|key| key.hash == Hash::Value)
            .filter_map(|key| Some(format!("{} = {}\n", key.path, self.value(key.path)?)))
            .collect();
        lines.sort();
        lines.concat()
    }

    /// Every key as a CSV column with its value, in the order of the table; empty where it has no meaning.
    pub fn columns(&self) -> Vec<(&'static str, String)> {
        KEYS.iter().map(|key| (key.column, self.value(key.path).unwrap_or_default())).collect()
    }

    /// The value of a key as text; `None` where it has no meaning in this point.
    pub fn value(&self, path: &str) -> Option<String> {
        let (q, x, d) = (&self.quantization, &self.crossbar, &self.device);
        Some(match path {
            "network.model" => self.network.model.clone(),
            "network.dataset" => self.network.dataset.clone(),
            "network.images" => self.network.images.to_string(),
            "quantization.weight_bits" => q.weight_bits.to_string(),
            "quantization.activation_bits" => q.activation_bits.to_string(),
            "quantization.weight_scale" => q.weight_scale.word().into(),
            "quantization.clipping" => q.clipping.word().into(),
            "quantization.precision_map" => match &q.precision_map {
                PrecisionMapConfig::Uniform => "uniform".into(),
                PrecisionMapConfig::File(path) => path.clone(),
            },
            "crossbar.rows" => x.rows.to_string(),
            "crossbar.cols" => x.cols.to_string(),
            "crossbar.ou_wordlines" => x.ou_wordlines.to_string(),
            "crossbar.ou_bitlines" => x.ou_bitlines.to_string(),
            "crossbar.cell_bits" => x.cell_bits.to_string(),
            "crossbar.dac_bits" => x.dac_bits.to_string(),
            "crossbar.row_cut" => x.row_cut.word().into(),
            "crossbar.encoding" => match x.encoding {
                Encoding::Differential(_) => "differential".into(),
                Encoding::Offset(_) => "offset".into(),
            },
            "crossbar.subtraction" => match x.encoding {
                Encoding::Differential(subtraction) => subtraction.word().into(),
                Encoding::Offset(_) => return None,
            },
            "crossbar.offset_removal" => match x.encoding {
                Encoding::Offset(removal) => removal.word().into(),
                Encoding::Differential(_) => return None,
            },
            "crossbar.digital_layers" => x.digital_layers.word().into(),
            "adc.bits" => match self.adc.bits {
                AdcBits::Lossless => "lossless".into(),
                AdcBits::Ideal => "ideal".into(),
                AdcBits::Bits(bits) => bits.to_string(),
            },
            "adc.range" => match (self.adc.bits, self.adc.range) {
                (AdcBits::Lossless | AdcBits::Ideal, _) => return None,
                (_, AdcRange::Full) => "full".into(),
                (_, AdcRange::Calibrated) => "calibrated".into(),
                (_, AdcRange::Given(lo, hi)) => format!("{lo}..{hi}"),
            },
            "device.g_on_siemens" => d.g_on_siemens.to_string(),
            "device.on_off_ratio" => d.on_off_ratio.map_or("infinite".into(), |r| r.to_string()),
            "device.fraction_bits" => d.fraction_bits.map_or("max".into(), |b| b.to_string()),
            "monte_carlo.trials" => self.monte_carlo.trials.to_string(),
            "monte_carlo.seed" => self.monte_carlo.seed.to_string(),
            "monte_carlo.max_drop" => self.monte_carlo.max_drop.to_string(),
            _ => return d.programming_error.value(path.strip_prefix("device.programming_error.")?),
        })
    }
}

impl ProgrammingError {
    /// The value of a key of the inline table; `None` where the law does not have it.
    fn value(&self, name: &str) -> Option<String> {
        let (law, sigma_name, sigma_and_clip) = match *self {
            ProgrammingError::None => ("none", "", None),
            ProgrammingError::Lognormal { sigma_ln, clip } => {
                ("lognormal", "sigma_ln", Some((sigma_ln, clip)))
            }
            ProgrammingError::NormalProportional { sigma_rel, clip } => {
                ("normal-proportional", "sigma_rel", Some((sigma_rel, clip)))
            }
            ProgrammingError::NormalIndependent { sigma_rel, clip } => {
                ("normal-independent", "sigma_rel", Some((sigma_rel, clip)))
            }
        };
        match name {
            "law" => Some(law.into()),
            "clip" => sigma_and_clip.map(|(_, clip)| clip.to_string()),
            _ => sigma_and_clip.filter(|_| name == sigma_name).map(|(sigma, _)| sigma.to_string()),
        }
    }
}
