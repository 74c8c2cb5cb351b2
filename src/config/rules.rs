//! What must fit together in one point, beyond the range of each key.

use super::axes::Picked;
use super::settings::Form;
use super::point::{AdcBits, ConverterSpread, Encoding, PointConfig, PrecisionMapConfig, ReadNoise, ReadNoiseModel, Subtraction, WireTopology};
use crate::error::Result;

/// Refuses a point whose values contradict each other.
pub fn check(point: &PointConfig, picked: &Picked<'_>, form: Form) -> Result<()> {
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
    if point.adc.bits == AdcBits::Ideal && point.converters != ConverterSpread::default() {
        let spread = picked.at(&["adc.offset_sigma_steps", "adc.gain_sigma_rel", "adc.threshold_sigma_steps"]);
        return Err(spread.error("converters that differ, with `adc.bits = \"ideal\"`: an ideal converter has no steps").hint("give adc.bits as a number or \"lossless\""));
    }
    let trials = point.monte_carlo.trials;
    if point.monte_carlo.antithetic && trials % 2 == 1 {
        let error = picked.at(&["monte_carlo.trials", "monte_carlo.antithetic"]).error(format!("`monte_carlo.trials = {trials}` with `monte_carlo.antithetic = true`: chips come in pairs"));
        return Err(error.hint(format!("set trials to an even number, {} say", trials + 1)));
    }
    flips(point, picked)?;
    fraction_bits(point, picked)?;
    gated(point, picked, form)?;
    levels(point, picked)
}

/// Most wordlines of an operation unit of gated cells on wires: every pattern of driven rows is solved on its own. A
/// network has so many that they must be few and kept; a product of given arrays has only its own.
const MOST_GATED_WORDLINES: [(Form, usize); 3] = [(Form::Sweep, 12), (Form::Mvm, 128), (Form::Search, 12)];

/// Gated cells are on or off, and their currents are solved pattern by pattern.
fn gated(point: &PointConfig, picked: &Picked<'_>, form: Form) -> Result<()> {
    let (wires, c) = (&point.device.wires, &point.crossbar);
    let most = MOST_GATED_WORDLINES.iter().find(|(of, _)| *of == form).map_or(0, |(_, most)| *most);
    if wires.ohm > 0.0 && wires.topology == WireTopology::Gated && point.device.read_noise != ReadNoise::None {
        let error = picked.at(&["device.wire_topology", "device.read_noise.law"]).error("`device.wire_topology = \"gated\"` with read noise: how the noise of a gated cell comes through the wires is not modelled");
        return Err(error.hint("use wire_topology = \"plain\", or leave read_noise out"));
    }
    if wires.ohm == 0.0 || wires.topology != WireTopology::Gated || (c.dac_bits == 1 && c.ou_wordlines <= most) {
        return Ok(());
    }
    let (key, value, why) = if c.dac_bits > 1 {
        ("crossbar.dac_bits", c.dac_bits as usize, "a gate is on or off, so inputs come one bit at a time".to_string())
    } else {
        let why = format!("every pattern of inputs is solved on its own, so at most {most} wordlines are on together");
        ("crossbar.ou_wordlines", c.ou_wordlines, why)
    };
    let error = picked.at(&[key, "device.wire_topology", "device.wire_ohm"]).error(format!("`{key} = {value}` with `device.wire_topology = \"gated\"` and `device.wire_ohm = {}`: {why}", wires.ohm));
    Err(error.hint(if c.dac_bits > 1 { "use dac_bits = 1, or wire_topology = \"plain\"".to_string() } else { format!("use ou_wordlines = {most} or less, or wire_topology = \"plain\"") }))
}

/// The model of read noise by flips counts only what it was compared with the exact one for: little noise, tables of codes.
fn flips(point: &PointConfig, picked: &Picked<'_>) -> Result<()> {
    let (sigma_rel, most_sigma) = match point.device.read_noise {
        ReadNoise::NormalProportional { sigma_rel, model: ReadNoiseModel::Flips } => (sigma_rel, 0.05),
        // All driven cells have it, those at the lowest level too, so less of it is as much noise.
        ReadNoise::NormalIndependent { sigma_rel, model: ReadNoiseModel::Flips } => (sigma_rel, 0.02),
        _ => return Ok(()),
    };
    let c = &point.crossbar;
    let (bits, most) = (c.ou_wordlines as u32 * c.dac_bits, crate::engine::kernel::MOST_CODE_BITS);
    let (keys, problem): (&[&str], String) = if sigma_rel > most_sigma {
        (&["device.read_noise.sigma_rel"], format!("`read_noise.sigma_rel = {sigma_rel}` is more than the {most_sigma} up to which flips hold nearly all of the noise"))
    } else if bits > most {
        let values = format!("`ou_wordlines = {}` with `dac_bits = {}`", c.ou_wordlines, c.dac_bits);
        (&["crossbar.ou_wordlines", "crossbar.dac_bits"], format!("{values}: a table of flips has up to 2^{most} patterns of driven rows, this has 2^{bits}"))
    } else if point.adc.bits == AdcBits::Ideal {
        (&["adc.bits"], "`adc.bits = \"ideal\"`: flips are changes of a code, and an ideal converter has no codes".into())
    } else if point.converters != ConverterSpread::default() {
        (&["adc.offset_sigma_steps", "adc.gain_sigma_rel", "adc.threshold_sigma_steps"], "with converters that differ: its tables know the converter of the design only".into())
    } else {
        return Ok(());
    };
    Err(picked.at(keys).error(format!("`read_noise.model = \"flips\"`: {problem}")).hint("model = \"exact\" computes it, more slowly"))
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
