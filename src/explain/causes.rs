//! The causes of a loss, in the order a signal meets them. Each copies its own settings from one point to another: from
//! the configured point to add it, from the ideal one to take it away.
//!
//! To add one: a line in [`CAUSES`]; the property test of this module then finds out if a setting has no cause.

use crate::config::{AdcBits, Choice, Compensation, ConverterReach, PointConfig, ProgrammingError, ReadNoise};
use crate::engine::ideal;

/// A cause of a loss.
pub struct Cause {
    /// Name, as in the tables.
    pub name: &'static str,
    /// Its settings in words.
    pub setting: fn(&PointConfig) -> String,
    /// Copies its settings: (to, from).
    copy: fn(&mut PointConfig, &PointConfig),
}

/// All causes.
#[rustfmt::skip] // one cause, few lines: it is read as a table
pub const CAUSES: &[Cause] = &[
    Cause { name: "on_off_ratio", setting: |p| p.value("device.on_off_ratio").unwrap_or_default(),
        copy: |to, from| to.device.on_off_ratio = from.device.on_off_ratio },
    Cause { name: "programming_error", setting: programming_error,
        copy: |to, from| to.device.programming_error = from.device.programming_error.clone() },
    Cause { name: "spread_of_chips", setting: |p| format!("sigma_chip_ln {}", p.device.spread.sigma_chip_ln),
        copy: |to, from| to.device.spread.sigma_chip_ln = from.device.spread.sigma_chip_ln },
    Cause { name: "spread_over_array", setting: |p| format!("sigma_gradient_ln {}", p.device.spread.sigma_gradient_ln),
        copy: |to, from| to.device.spread.sigma_gradient_ln = from.device.spread.sigma_gradient_ln },
    Cause { name: "spread_of_bitlines", setting: |p| format!("sigma_column_ln {}", p.device.spread.sigma_column_ln),
        copy: |to, from| to.device.spread.sigma_column_ln = from.device.spread.sigma_column_ln },
    Cause { name: "relaxation", setting: |p| p.device.relaxation_sigma_rel.to_string(),
        copy: |to, from| to.device.relaxation_sigma_rel = from.device.relaxation_sigma_rel },
    Cause { name: "drift", setting: |p| format!("nu {} +- {} at {} s", p.device.drift.nu, p.device.drift.sigma_nu, p.device.drift.time_s),
        copy: |to, from| to.device.drift = from.device.drift },
    Cause { name: "stuck_at", setting: |p| format!("on {}, off {}", p.device.stuck_at.on_frac, p.device.stuck_at.off_frac),
        copy: |to, from| to.device.stuck_at = from.device.stuck_at },
    Cause { name: "wires", setting: |p| format!("{} ohm, {}", p.device.wires.ohm, p.device.wires.topology.word()),
        copy: |to, from| to.device.wires = from.device.wires },
    Cause { name: "read_noise", setting: read_noise,
        copy: |to, from| to.device.read_noise = from.device.read_noise },
    Cause { name: "adc_resolution", setting: |p| p.value("adc.bits").unwrap_or_default(),
        copy: |to, from| {
            (to.adc, to.reach) = (from.adc, if from.reach == ConverterReach::AsConfigured { ConverterReach::Unclipped } else { from.reach });
        } },
    Cause { name: "adc_clipping", setting: |p| p.value("adc.range").unwrap_or_else(|| "full".into()),
        copy: |to, from| to.reach = match (from.reach, to.reach) {
            (ConverterReach::AsConfigured, ConverterReach::Unclipped) => ConverterReach::AsConfigured,
            (ConverterReach::Fine, ConverterReach::AsConfigured) => ConverterReach::Unclipped,
            (_, reach) => reach,
        } },
    Cause { name: "adc_spread", setting: |p| format!("offset {}, gain {}, thresholds {}", p.converters.offset_sigma_steps, p.converters.gain_sigma_rel, p.converters.threshold_sigma_steps),
        copy: |to, from| to.converters = from.converters },
    Cause { name: "compensation", setting: |p| p.compensation.word().into(),
        copy: |to, from| to.compensation = from.compensation },
];

impl Cause {
    /// `point` with this cause's settings of `from`.
    pub fn taken_from(&self, point: &PointConfig, from: &PointConfig) -> PointConfig {
        let mut point = point.clone();
        (self.copy)(&mut point, from);
        point
    }

    /// True if the point has this cause at all.
    pub fn is_in(&self, point: &PointConfig) -> bool {
        match self.name {
            "adc_resolution" | "adc_clipping" => point.adc.bits != AdcBits::Ideal,
            "compensation" => point.compensation != Compensation::None,
            _ => self.taken_from(point, &start(point)) != *point,
        }
    }
}

/// Where a budget starts: the ideal crossbar, with a converter so fine that its rounding is next to nothing, or the
/// point's own ideal one.
pub fn start(point: &PointConfig) -> PointConfig {
    if point.adc.bits == AdcBits::Ideal {
        return PointConfig { adc: point.adc, ..ideal(point) };
    }
    PointConfig { reach: ConverterReach::Fine, ..ideal(point) }
}

fn programming_error(p: &PointConfig) -> String {
    match &p.device.programming_error {
        ProgrammingError::Lognormal { sigma_ln, sigma_ln_off, .. } => {
            let off = sigma_ln_off.map_or(String::new(), |off| format!(", off {off}"));
            format!("lognormal, sigma_ln {sigma_ln}{off}")
        }
        ProgrammingError::WriteVerify { sigma_rel, tolerance_rel, attempts } => format!("write-verify, sigma_rel {sigma_rel}, within {tolerance_rel} in {attempts}"),
        ProgrammingError::Table(measured) => format!("table {}", measured.path),
        ProgrammingError::NormalProportional { sigma_rel, .. } => format!("normal-proportional, sigma_rel {sigma_rel}"),
        ProgrammingError::NormalIndependent { sigma_rel, .. } => format!("normal-independent, sigma_rel {sigma_rel}"),
        ProgrammingError::None => "none".into(),
    }
}

fn read_noise(p: &PointConfig) -> String {
    match p.device.read_noise {
        ReadNoise::None => "none".into(),
        ReadNoise::NormalProportional { sigma_rel, model } => format!("normal-proportional, sigma_rel {sigma_rel}, {}", model.word()),
        ReadNoise::NormalIndependent { sigma_rel, model } => format!("normal-independent, sigma_rel {sigma_rel}, {}", model.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Overrides};

    const EVERYTHING: &str = "[crossbar]\ncompensation = \"gain\"\n[adc]\nbits = 4\noffset_sigma_steps = 0.1\n[device]\non_off_ratio = 20\nprogramming_error = { law = \"lognormal\", sigma_ln = 0.1 }\n\
        relaxation = { sigma_rel = 0.01 }\nspread = { sigma_chip_ln = 0.1 }\nstuck_at = { on_frac = 0.01 }\ndrift = { nu = 0.01 }\ntime_s = 100.0\n";

    fn point(text: &str) -> PointConfig {
        config::parse(text, "test", &Overrides::default()).unwrap_or_else(|e| panic!("{e}")).points.remove(0)
    }

    /// All causes added to the start are the configured point, and all taken away again the start: no setting is without
    /// its cause.
    #[test]
    fn causes_are_complete() {
        for text in [EVERYTHING, "[device]\nprogramming_error = { law = \"normal-proportional\", sigma_rel = 0.1 }\n", "", "[adc]\nbits = \"ideal\"\n"] {
            let full = point(text);
            let all = CAUSES.iter().filter(|c| c.is_in(&full)).fold(start(&full), |p, cause| cause.taken_from(&p, &full));
            assert_eq!(all, full);
            let none = CAUSES.iter().rev().filter(|c| c.is_in(&full)).fold(full.clone(), |p, cause| cause.taken_from(&p, &start(&full)));
            assert_eq!(none, start(&full));
        }
    }

    #[test]
    fn causes_that_are_off_are_left_out() {
        let names = |text| {
            let p = point(text);
            CAUSES.iter().filter(|c| c.is_in(&p)).map(|c| c.name).collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["on_off_ratio", "adc_resolution", "adc_clipping"]);
        assert_eq!(names("[adc]\nbits = \"ideal\"\n[device]\non_off_ratio = \"infinite\"\nstuck_at = { on_frac = 0.1 }"), ["stuck_at"]);
        assert!(names(EVERYTHING).contains(&"compensation") && !names(EVERYTHING).contains(&"wires"));
    }
}
