//! A point as text: the lines that are hashed, and the columns of the CSV files.

use super::keys::{Hash, KEYS};
use super::point::{AdcBits, AdcRange, Encoding, PointConfig, PrecisionMapConfig, ProgrammingError, ReadNoise};
use super::words::Choice;

impl PointConfig {
    /// The values that decide the point's results, as sorted lines `key = value`.
    ///
    /// Values without a meaning in this point and models that are off are absent, and so are paths (the caller adds the hashes of what they
    /// hold), the number of trials and `max_drop`: none of them makes a finished block another one.
    pub fn canonical(&self) -> String {
        let mut lines: Vec<String> = KEYS
            .iter()
            .filter(|key| key.hash == Hash::Value)
            .filter_map(|key| Some((key, self.value(key.path)?)))
            .filter(|(key, value)| key.off.is_empty() || *value != key.off)
            .map(|(key, value)| format!("{} = {value}\n", key.path))
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
            "monte_carlo.antithetic" => self.monte_carlo.antithetic.to_string(),
            "crossbar.compensation" => self.compensation.word().into(),
            "adc.offset_sigma_steps" => self.converters.offset_sigma_steps.to_string(),
            "adc.gain_sigma_rel" => self.converters.gain_sigma_rel.to_string(),
            "adc.threshold_sigma_steps" => self.converters.threshold_sigma_steps.to_string(),
            "device.relaxation.sigma_rel" => d.relaxation_sigma_rel.to_string(),
            "device.spread.sigma_chip_ln" => d.spread.sigma_chip_ln.to_string(),
            "device.spread.sigma_column_ln" => d.spread.sigma_column_ln.to_string(),
            "device.spread.sigma_gradient_ln" => d.spread.sigma_gradient_ln.to_string(),
            "device.stuck_at.on_frac" => d.stuck_at.on_frac.to_string(),
            "device.stuck_at.off_frac" => d.stuck_at.off_frac.to_string(),
            "device.stuck_at.clustering" => d.stuck_at.clustering.word().into(),
            "device.drift.nu" => d.drift.nu.to_string(),
            "device.drift.sigma_nu" => d.drift.sigma_nu.to_string(),
            "device.drift.t0_s" => d.drift.t0_s.to_string(),
            "device.time_s" => d.drift.time_s.to_string(),
            "device.wire_ohm" => d.wires.ohm.to_string(),
            "device.wire_topology" => d.wires.topology.word().into(),
            _ => return d.read_noise.value(path).or_else(|| d.programming_error.value(path.strip_prefix("device.programming_error.")?)),
        })
    }
}

impl ReadNoise {
    /// The value of a key of the inline table; `None` where the law does not have it.
    fn value(&self, path: &str) -> Option<String> {
        let (law, rest) = match *self {
            ReadNoise::None => ("none", None),
            ReadNoise::NormalProportional { sigma_rel, model } => ("normal-proportional", Some((sigma_rel, model))),
            ReadNoise::NormalIndependent { sigma_rel, model } => ("normal-independent", Some((sigma_rel, model))),
        };
        match path.strip_prefix("device.read_noise.")? {
            "law" => Some(law.into()),
            "sigma_rel" => rest.map(|(sigma, _)| sigma.to_string()),
            "model" => rest.map(|(_, model)| model.word().into()),
            _ => None,
        }
    }
}

impl ProgrammingError {
    /// The value of a key of the inline table; `None` where the law does not have it.
    fn value(&self, name: &str) -> Option<String> {
        let of = |law: &str, fields: &[(&str, String)]| match name {
            "law" => Some(law.to_string()),
            _ => fields.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone()),
        };
        match self {
            ProgrammingError::None => of("none", &[]),
            ProgrammingError::Lognormal { sigma_ln, sigma_ln_off, clip } => {
                let off = sigma_ln_off.map_or("same".into(), |s| s.to_string());
                of("lognormal", &[("sigma_ln", sigma_ln.to_string()), ("sigma_ln_off", off), ("clip", clip.to_string())])
            }
            ProgrammingError::NormalProportional { sigma_rel, clip } => {
                of("normal-proportional", &[("sigma_rel", sigma_rel.to_string()), ("clip", clip.to_string())])
            }
            ProgrammingError::NormalIndependent { sigma_rel, clip } => {
                of("normal-independent", &[("sigma_rel", sigma_rel.to_string()), ("clip", clip.to_string())])
            }
            ProgrammingError::WriteVerify { sigma_rel, tolerance_rel, attempts } => of(
                "write-verify",
                &[
                    ("sigma_rel", sigma_rel.to_string()),
                    ("tolerance_rel", tolerance_rel.to_string()),
                    ("attempts", attempts.to_string()),
                ],
            ),
            ProgrammingError::Table(measured) => of("table", &[("file", measured.path.clone())]),
        }
    }
}
