//! One point of a sweep as one configuration of the cost model: what the engine simulated is what is charged.
//!
//! | of the point | of the cost model |
//! |---|---|
//! | `crossbar.rows`, `cols`, `ou_wordlines`, `ou_bitlines`, `cell_bits`, `dac_bits`, `row_cut` | the same |
//! | `quantization.activation_bits` | `activation_bits` |
//! | `encoding = "differential"` | pairs of columns, subtracted as currents or converted both, of `weight_bits` - 1 bits of magnitude |
//! | `"offset"`, `offset_removal = "unit-column"` | a column of offsets in each crossbar, weights of `weight_bits` bits |
//! | `"offset"`, `offset_removal = "digital"` | one column for each bit of `weight_bits`; summing the inputs is not charged |
//! | `precision_map` | the same map, or the same bits everywhere |
//! | `adc.bits`, `adc.range` | the resolution that the engine used, whether it covers every sum or not |
//!
//! Where bits lie (`mapping`) is the design's, also where all blocks have the same bits and crossbars are cut physically, unless
//! `[cost]` says otherwise: the engine's OU is one bit of `ou_bitlines` outputs.
//!
//! Conversions of an image by the engine (`conversions` of `summary.csv`) are `adc_conversions_used` of the cost model, exactly,
//! with differential weights and with an offset removed digitally. What is charged, `adc_conversions`, is of whole OUs: more by the idle
//! bitlines where outputs are no multiple of `ou_bitlines`. With a unit column the two differ: the engine has one reference column
//! for a layer, with a cell for each bit, so it converts `weight_bits / cell_bits` more columns with each row group; the cost model
//! has ISAAC's single column in each crossbar. Designs of layer-wise bits, and `groups = "dense"`, charge more than is simulated.

use crate::config::cost::{CostConfig, MapSource, Signs};
use crate::config::{AdcBits, AdcConfig, DigitalLayers, Encoding, OffsetRemoval, PointConfig, PrecisionMapConfig, Subtraction};
use crate::cost::designs;
use crate::crossbar::adc::{Conversion, Sums};
use crate::crossbar::layer::Planes;
use crate::device;
use crate::error::{Error, Result};

/// The configuration of a point; `rest` has what a sweep knows nothing of.
///
/// # Errors
/// What the cost model has no price for: an ideal converter, layers that are computed digitally.
pub fn configuration(point: &PointConfig, rest: &CostConfig) -> Result<CostConfig> {
    let (c, q) = (&point.crossbar, &point.quantization);
    if c.digital_layers != DigitalLayers::None {
        return Err(Error::input(&rest.place, "`crossbar.digital_layers`: the cost model has no price for layers that are computed digitally").hint("digital_layers = \"none\""));
    }
    let (signs, weight_bits) = match c.encoding {
        Encoding::Differential(Subtraction::Analog) => (Signs::PairedAnalog, q.weight_bits - 1),
        Encoding::Differential(Subtraction::Digital) => (Signs::PairedDigital, q.weight_bits - 1),
        Encoding::Offset(OffsetRemoval::UnitColumn) => (Signs::OffsetColumn, q.weight_bits),
        Encoding::Offset(OffsetRemoval::Digital) => (Signs::NotCounted, q.weight_bits),
    };
    let design = designs::find(&rest.design).ok_or_else(|| Error::internal(format!("no design `{}`", rest.design)))?;
    Ok(CostConfig {
        network: point.network.model.clone(),
        weight_bits: Some(weight_bits),
        activation_bits: Some(q.activation_bits),
        rows: Some(c.rows as u64),
        cols: Some(c.cols as u64),
        ou_wordlines: Some(c.ou_wordlines as u64),
        ou_bitlines: Some(c.ou_bitlines as u64),
        cell_bits: Some(c.cell_bits),
        dac_bits: Some(c.dac_bits),
        row_cut: Some(c.row_cut),
        mapping: rest.mapping.or(Some(design.mapping)),
        signs: Some(signs),
        adc_bits: Some(AdcBits::Bits(adc_bits(point, &rest.place)?)),
        adc_clips: true,
        precision_map: match &q.precision_map {
            PrecisionMapConfig::Uniform => MapSource::Uniform,
            PrecisionMapConfig::File(path) => MapSource::File(path.clone()),
        },
        ..rest.clone()
    })
}

/// Resolution of the converters in bits: what "lossless" comes to, or what was asked for.
fn adc_bits(point: &PointConfig, place: &str) -> Result<u32> {
    let c = &point.crossbar;
    let planes = Planes::new(c.encoding, point.quantization.weight_bits, c.cell_bits);
    let fraction_bits = device::fraction_bits(&point.device, c.ou_wordlines, c.dac_bits);
    let sums = Sums::new(c.ou_wordlines, c.cell_bits, c.dac_bits, device::g_off(point.device.on_off_ratio), fraction_bits, planes.signed());
    match point.adc.bits {
        AdcBits::Bits(bits) => Ok(bits),
        AdcBits::Lossless => Conversion::new(&AdcConfig { bits: AdcBits::Lossless, ..point.adc }, &sums, 1)?.bits(sums.signed).ok_or_else(|| Error::internal("a lossless converter without bits")),
        AdcBits::Ideal => Err(Error::input(place, "`adc.bits = \"ideal\"`: an ideal converter has no price").hint("\"lossless\", or a number of bits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::pareto::{Asked, parse};
    use crate::config::{Overrides, RowCut};
    use crate::config::cost::Mapping;

    fn of(text: &str) -> Result<CostConfig> {
        let p = parse(text, "p.toml", &Overrides::default(), Asked::default())?;
        configuration(&p.sweep.points[0], &p.cost)
    }

    #[test]
    fn a_point_is_charged_as_it_is_simulated() {
        let c = of("[crossbar]\nou_wordlines = 16\nrow_cut = \"physical\"\n[quantization]\nactivation_bits = 4\n").expect("a configuration");
        assert_eq!((c.weight_bits, c.activation_bits, c.ou_wordlines, c.signs), (Some(7), Some(4), Some(16), Some(Signs::PairedAnalog)));
        assert_eq!((c.row_cut, c.mapping, c.adc_bits), (Some(RowCut::Physical), Some(Mapping::PrecisionAware), Some(AdcBits::Bits(6))));
        let signs = |keys: &str| of(&format!("[crossbar]\n{keys}")).map(|c| (c.signs, c.weight_bits, c.adc_bits)).expect(keys);
        assert_eq!(signs("subtraction = \"digital\""), (Some(Signs::PairedDigital), Some(7), Some(AdcBits::Bits(4))));
        assert_eq!(signs("encoding = \"offset\""), (Some(Signs::NotCounted), Some(8), Some(AdcBits::Bits(4))));
        assert_eq!(signs("encoding = \"offset\"\noffset_removal = \"unit-column\""), (Some(Signs::OffsetColumn), Some(8), Some(AdcBits::Bits(4))));
        // The off current of 15 rows at a ratio of 4 takes a bit more than their 15 levels.
        assert_eq!(of("[crossbar]\nencoding = \"offset\"\nou_wordlines = 15\n[device]\non_off_ratio = 4\n").expect("offset").adc_bits, Some(AdcBits::Bits(5)));
    }

    #[test]
    fn what_has_no_price_is_refused() {
        let message = |text: &str| of(text).expect_err(text).to_string();
        assert!(message("[adc]\nbits = \"ideal\"").contains("no price"));
        assert!(message("[crossbar]\ndigital_layers = \"first\"").contains("no price"));
    }
}
