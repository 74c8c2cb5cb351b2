//! What must fit together in one point, beyond the range of each key.

use super::axes::Picked;
use super::point::{AdcBits, Compensation, ConverterSpread, Encoding, PointConfig, PrecisionMapConfig, ReadNoise, ReadNoiseModel, SpreadConfig, Subtraction};
use crate::error::Result;

/// Refuses a point whose values contradict each other.
pub fn check(point: &PointConfig, picked: &Picked<'_>) -> Result<()> {
    let crossbar = &point.crossbar;
    at_most(picked, ("crossbar.ou_wordlines", crossbar.ou_wordlines), ("crossbar.rows", crossbar.rows))?;
    at_most(picked, ("crossbar.ou_bitlines", crossbar.ou_bitlines), ("crossbar.cols", crossbar.cols))?;

    if let (PrecisionMapConfig::File(path), Encoding::Offset(_)) =
        (&point.quantization.precision_map, crossbar.encoding)
    {
        let message =
            format!("`quantization.precision_map = \"{path}\"` with `crossbar.encoding = \"offset\"`");
        return Err(picked
            .at(&["quantization.precision_map"])
            .error(format!(
                "{message}: a map holds magnitude bits, and offset-encoded weights have no magnitude"
            ))
            .hint("use encoding = \"differential\", or precision_map = \"uniform\""));
    }
    if point.adc.bits == AdcBits::Bits(1) && crossbar.encoding == Encoding::Differential(Subtraction::Analog)
    {
        return Err(picked
            .at(&["adc.bits"])
            .error("`adc.bits = 1` with analog subtraction: a signed converter has 2^bits - 2 steps, so none")
            .hint("use adc.bits = 2 or more, or subtraction = \"digital\""));
    }
    if point.device.stuck_at.on_frac + point.device.stuck_at.off_frac > 1.0 {
        let error = picked.at(&["device.stuck_at.on_frac", "device.stuck_at.off_frac"]).error("`stuck_at.on_frac` and `stuck_at.off_frac` are more than all cells together");
        return Err(error.hint("both are fractions: 1 % is 0.01"));
    }
    not_built(point, picked)?;
    two_flips(point, picked)?;
    fraction_bits(point, picked)?;
    levels(point, picked)
}

/// Models whose engine part is not there yet.
fn not_built(point: &PointConfig, picked: &Picked<'_>) -> Result<()> {
    let d = &point.device;
    let missing = [
        ("crossbar.compensation", point.compensation != Compensation::None),
        ("adc.offset_sigma_steps", point.converters != ConverterSpread::default()),
        ("device.wire_ohm", d.wires.ohm != 0.0),
        ("device.relaxation.sigma_rel", d.relaxation_sigma_rel != 0.0),
        ("device.spread.sigma_chip_ln", d.spread != SpreadConfig::default()),
        ("device.stuck_at.on_frac", d.stuck_at.on_frac + d.stuck_at.off_frac > 0.0),
        ("device.drift.nu", d.drift.nu != 0.0 || d.drift.sigma_nu != 0.0),
    ];
    match missing.into_iter().find(|(_, used)| *used) {
        Some((key, _)) => Err(picked.at(&[key]).error(format!("`{key}` is not supported in this version")).hint("leave it out")),
        None => Ok(()),
    }
}

/// The two-flip model of read noise counts only what it was compared with the exact one for: little noise, tables of codes.
fn two_flips(point: &PointConfig, picked: &Picked<'_>) -> Result<()> {
    const MOST_SIGMA: f64 = 0.05;
    let sigma_rel = match point.device.read_noise {
        ReadNoise::NormalProportional { sigma_rel, model: ReadNoiseModel::TwoFlip } => sigma_rel,
        ReadNoise::NormalIndependent { sigma_rel, model: ReadNoiseModel::TwoFlip } => sigma_rel,
        _ => return Ok(()),
    };
    let c = &point.crossbar;
    let (bits, most) = (c.ou_wordlines as u32 * c.dac_bits, crate::engine::kernel::MOST_CODE_BITS);
    let (keys, problem): (&[&str], String) = if sigma_rel > MOST_SIGMA {
        (&["device.read_noise.sigma_rel"], format!("`read_noise.sigma_rel = {sigma_rel}` is more than the {MOST_SIGMA} up to which two flips hold nearly all of the noise"))
    } else if bits > most {
        let values = format!("`ou_wordlines = {}` with `dac_bits = {}`", c.ou_wordlines, c.dac_bits);
        (&["crossbar.ou_wordlines", "crossbar.dac_bits"], format!("{values}: a table of two flips has up to 2^{most} patterns of driven rows, this has 2^{bits}"))
    } else if point.adc.bits == AdcBits::Ideal {
        (&["adc.bits"], "`adc.bits = \"ideal\"`: two flips are flips of codes, and an ideal converter has none".into())
    } else {
        return Ok(());
    };
    Err(picked.at(keys).error(format!("`read_noise.model = \"two-flip\"`: {problem}")).hint("model = \"exact\" computes it, more slowly"))
}

/// A bitline sum must fit 32 bits: ou_wordlines x (2^dac_bits - 1) x 2^fraction_bits < 2^31.
fn fraction_bits(point: &PointConfig, picked: &Picked<'_>) -> Result<()> {
    let Some(given) = point.device.fraction_bits else { return Ok(()) };
    let largest_step = (1u64 << point.crossbar.dac_bits) - 1;
    let largest_sum = point.crossbar.ou_wordlines as u64 * largest_step;
    let fits = |bits: u32| largest_sum << bits < 1 << 31;
    if fits(given) {
        return Ok(());
    }
    let most = (0..given).rev().find(|bits| fits(*bits)).unwrap_or(0);
    let message = format!(
        "`device.fraction_bits = {given}` is too many: with `ou_wordlines = {}` and `dac_bits = {}` at most \
         {most} fit a 32-bit sum",
        point.crossbar.ou_wordlines, point.crossbar.dac_bits
    );
    Err(picked
        .at(&["device.fraction_bits"])
        .error(message)
        .hint("\"max\" takes as many as fit, for each point"))
}

/// Levels of cells of several bits are no binary fractions. A sum of them must stay nearer to its whole number of
/// level steps than half a step: ou_wordlines x (2^dac_bits - 1) x (2^cell_bits - 1) < 2^fraction_bits.
fn levels(point: &PointConfig, picked: &Picked<'_>) -> Result<()> {
    let c = &point.crossbar;
    if c.cell_bits == 1 {
        return Ok(()); // off and on are exact
    }
    let bits = crate::device::fraction_bits(&point.device, c.ou_wordlines, c.dac_bits);
    let steps = c.ou_wordlines as u64 * ((1 << c.dac_bits) - 1) * ((1 << c.cell_bits) - 1);
    if steps < 1 << bits {
        return Ok(());
    }
    let message = format!(
        "`cell_bits = {}` with `dac_bits = {}` and `ou_wordlines = {}`: a sum has {steps} steps, and conductances in {bits} \
         fraction bits, all that a 32-bit sum leaves, cannot keep them apart",
        c.cell_bits, c.dac_bits, c.ou_wordlines
    );
    Err(picked.at(&["crossbar.cell_bits", "crossbar.dac_bits", "crossbar.ou_wordlines"]).error(message).hint("lower one of the three"))
}

fn at_most(picked: &Picked<'_>, small: (&str, usize), large: (&str, usize)) -> Result<()> {
    if small.1 <= large.1 {
        return Ok(());
    }
    let message = format!("`{} = {}` is more than `{} = {}`", small.0, small.1, large.0, large.1);
    let hint = format!("set {} to {} or less, or {} to {} or more", small.0, large.1, large.0, small.1);
    Err(picked.at(&[small.0, large.0]).error(message).hint(hint))
}
