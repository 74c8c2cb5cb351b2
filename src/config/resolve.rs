//! The values picked for one point, as typed data.

use super::axes::Picked;
use super::point::{
    AdcBits, AdcConfig, AdcRange, ConverterReach, ConverterSpread, CrossbarConfig, DeviceConfig, DriftConfig, Encoding, MonteCarloConfig,
    NetworkConfig, PointConfig, PrecisionMapConfig, ProgrammingError, QuantizationConfig, ReadNoise, SpreadConfig,
    StuckAtConfig, WireConfig,
};
use super::scalar::{Scalar, missing};
use super::words::Choice;
use crate::device::Measured;
use crate::error::{Error, Result};
use std::sync::Arc;

/// The point of these values. Values without a meaning beside the others are dropped here.
pub fn point(p: &Picked<'_>) -> Result<PointConfig> {
    Ok(PointConfig {
        network: NetworkConfig {
            model: word(p, "network.model")?.into(),
            dataset: word(p, "network.dataset")?.into(),
            images: integer(p, "network.images")?,
        },
        quantization: QuantizationConfig {
            weight_bits: integer(p, "quantization.weight_bits")?,
            activation_bits: integer(p, "quantization.activation_bits")?,
            weight_scale: choice(p, "quantization.weight_scale")?,
            clipping: choice(p, "quantization.clipping")?,
            precision_map: match word(p, "quantization.precision_map")? {
                "uniform" => PrecisionMapConfig::Uniform,
                path => PrecisionMapConfig::File(path.into()),
            },
        },
        crossbar: CrossbarConfig {
            rows: integer(p, "crossbar.rows")?,
            cols: integer(p, "crossbar.cols")?,
            ou_wordlines: integer(p, "crossbar.ou_wordlines")?,
            ou_bitlines: integer(p, "crossbar.ou_bitlines")?,
            cell_bits: integer(p, "crossbar.cell_bits")?,
            dac_bits: integer(p, "crossbar.dac_bits")?,
            row_cut: choice(p, "crossbar.row_cut")?,
            encoding: match word(p, "crossbar.encoding")? {
                "differential" => Encoding::Differential(choice(p, "crossbar.subtraction")?),
                "offset" => Encoding::Offset(choice(p, "crossbar.offset_removal")?),
                _ => return Err(unread("crossbar.encoding")),
            },
            digital_layers: choice(p, "crossbar.digital_layers")?,
        },
        compensation: choice(p, "crossbar.compensation")?,
        adc: adc(p)?,
        reach: ConverterReach::AsConfigured,
        converters: ConverterSpread {
            offset_sigma_steps: number(p, "adc.offset_sigma_steps")?,
            gain_sigma_rel: number(p, "adc.gain_sigma_rel")?,
            threshold_sigma_steps: number(p, "adc.threshold_sigma_steps")?,
        },
        device: DeviceConfig {
            g_on_siemens: number(p, "device.g_on_siemens")?,
            on_off_ratio: match p.get("device.on_off_ratio") {
                Some(Scalar::Num(ratio)) => Some(*ratio),
                _ => None,
            },
            fraction_bits: match p.get("device.fraction_bits") {
                Some(Scalar::Int(_)) => Some(integer(p, "device.fraction_bits")?),
                _ => None,
            },
            programming_error: programming_error(p)?,
            relaxation_sigma_rel: number(p, "device.relaxation.sigma_rel")?,
            spread: SpreadConfig {
                sigma_chip_ln: number(p, "device.spread.sigma_chip_ln")?,
                sigma_column_ln: number(p, "device.spread.sigma_column_ln")?,
                sigma_gradient_ln: number(p, "device.spread.sigma_gradient_ln")?,
            },
            stuck_at: StuckAtConfig {
                on_frac: number(p, "device.stuck_at.on_frac")?,
                off_frac: number(p, "device.stuck_at.off_frac")?,
                clustering: choice(p, "device.stuck_at.clustering")?,
            },
            drift: DriftConfig {
                nu: number(p, "device.drift.nu")?,
                sigma_nu: number(p, "device.drift.sigma_nu")?,
                t0_s: number(p, "device.drift.t0_s")?,
                time_s: number(p, "device.time_s")?,
            },
            read_noise: read_noise(p)?,
            wires: WireConfig { ohm: number(p, "device.wire_ohm")?, topology: choice(p, "device.wire_topology")? },
        },
        monte_carlo: MonteCarloConfig {
            trials: integer(p, "monte_carlo.trials")?,
            seed: integer(p, "monte_carlo.seed")?,
            max_drop: number(p, "monte_carlo.max_drop")?,
            antithetic: p.get("monte_carlo.antithetic") == Some(&Scalar::Bool(true)),
        },
    })
}

fn adc(p: &Picked<'_>) -> Result<AdcConfig> {
    let bits = match p.get("adc.bits") {
        Some(Scalar::Int(_)) => AdcBits::Bits(integer(p, "adc.bits")?),
        Some(Scalar::Word(w)) if w == "lossless" => AdcBits::Lossless,
        Some(Scalar::Word(w)) if w == "ideal" => AdcBits::Ideal,
        _ => return Err(unread("adc.bits")),
    };
    let range = match (bits, p.get("adc.range")) {
        // Lossless bits cover every sum and an ideal converter has no scale: the range has no say.
        (AdcBits::Lossless | AdcBits::Ideal, _) => AdcRange::Full,
        (_, Some(Scalar::Pair(lo, hi))) => AdcRange::Given(*lo, *hi),
        (_, Some(Scalar::Word(w))) if w == "full" => AdcRange::Full,
        (_, Some(Scalar::Word(w))) if w == "calibrated" => AdcRange::Calibrated,
        _ => return Err(unread("adc.range")),
    };
    Ok(AdcConfig { bits, range })
}

fn programming_error(p: &Picked<'_>) -> Result<ProgrammingError> {
    let sigma_ln = || number(p, "device.programming_error.sigma_ln");
    let sigma_rel = || number(p, "device.programming_error.sigma_rel");
    let clip = p.get("device.programming_error.clip") == Some(&Scalar::Bool(true));
    Ok(match word(p, "device.programming_error.law")? {
        "none" => ProgrammingError::None,
        "lognormal" => {
            let sigma_ln_off = match p.get("device.programming_error.sigma_ln_off") {
                Some(Scalar::Num(sigma)) => Some(*sigma),
                _ => None,
            };
            ProgrammingError::Lognormal { sigma_ln: sigma_ln()?, sigma_ln_off, clip }
        }
        "normal-proportional" => ProgrammingError::NormalProportional { sigma_rel: sigma_rel()?, clip },
        "normal-independent" => ProgrammingError::NormalIndependent { sigma_rel: sigma_rel()?, clip },
        "write-verify" => ProgrammingError::WriteVerify {
            sigma_rel: sigma_rel()?,
            tolerance_rel: number(p, "device.programming_error.tolerance_rel")?,
            attempts: given(p, "device.programming_error.attempts").and_then(|_| integer(p, "device.programming_error.attempts"))?,
        },
        "table" => {
            given(p, "device.programming_error.file")?;
            let levels = 1u32 << integer::<u32>(p, "crossbar.cell_bits")?;
            let g_on_siemens = number(p, "device.g_on_siemens")?;
            ProgrammingError::Table(Arc::new(Measured::read(word(p, "device.programming_error.file")?, levels, g_on_siemens)?))
        }
        _ => return Err(unread("device.programming_error.law")),
    })
}

fn read_noise(p: &Picked<'_>) -> Result<ReadNoise> {
    let sigma_rel = || number(p, "device.read_noise.sigma_rel");
    let model = || choice(p, "device.read_noise.model");
    Ok(match word(p, "device.read_noise.law")? {
        "none" => ReadNoise::None,
        "normal-proportional" => ReadNoise::NormalProportional { sigma_rel: sigma_rel()?, model: model()? },
        "normal-independent" => ReadNoise::NormalIndependent { sigma_rel: sigma_rel()?, model: model()? },
        _ => return Err(unread("device.read_noise.law")),
    })
}

/// Refuses a key without a default that was not given: one that goes with a value of another key.
fn given(p: &Picked<'_>, path: &str) -> Result<()> {
    match (p.get(path), super::keys::find(path)) {
        (Some(_), _) => Ok(()),
        (None, Some(key)) => {
            let partner = key.used_with.map_or("", |with| with.key);
            let value = p.get(partner).map(Scalar::to_string).unwrap_or_default();
            Err(missing(key, &format!("`{partner} = \"{value}\"`"), p.at(&[partner])))
        }
        (None, None) => Err(unread(path)),
    }
}

/// The table allowed a value that is not read here: a slip of ours.
fn unread(path: &str) -> Error {
    Error::internal(format!("the value of `{path}` is in the table of keys but not read"))
}

fn integer<T: TryFrom<u64>>(p: &Picked<'_>, path: &str) -> Result<T> {
    match p.get(path) {
        Some(Scalar::Int(i)) => T::try_from(*i).map_err(|_| unread(path)),
        _ => Err(unread(path)),
    }
}

fn number(p: &Picked<'_>, path: &str) -> Result<f64> {
    given(p, path)?;
    match p.get(path) {
        Some(Scalar::Num(x)) => Ok(*x),
        _ => Err(unread(path)),
    }
}

fn word<'a>(p: &Picked<'a>, path: &str) -> Result<&'a str> {
    match p.get(path) {
        Some(Scalar::Word(w)) => Ok(w),
        _ => Err(unread(path)),
    }
}

fn choice<T: Choice>(p: &Picked<'_>, path: &str) -> Result<T> {
    T::from_word(word(p, path)?).ok_or_else(|| unread(path))
}
