//! How many arrays copies of layers may take: a number, an area, or what another design takes of either (iso-array, iso-area).

use super::chip::{of_arrays, reading};
use super::components::ComponentSet;
use super::costed::{Costed, LayerCost, cost_of};
use super::designs::Design;
use super::network::Subject;
use super::price;
use super::scheme::Scheme;
use crate::config::cost::{Area, Arrays, BAND, CostConfig, parse};
use crate::error::{Error, Result};

/// Most arrays that an area is filled with.
const MOST_ARRAYS: u64 = 1 << 36;

/// Arrays that there may be, if anything limits them.
///
/// # Errors
/// An area under no one component set, or that one copy of the network does not fit into; a budget of arrays beside one of area.
pub(super) fn budget(config: &CostConfig, subject: &Subject, design: &Design, scheme: &Scheme, layers: &[LayerCost]) -> Result<Option<u64>> {
    match (&config.arrays, &config.area) {
        (Arrays::Own, Area::Own) => Ok(None),
        (Arrays::Number(n), Area::Own) => Ok(Some(*n)),
        (Arrays::OfDesign(name), Area::Own) => Ok(Some(other(config, subject, name)?.total.crossbars)),
        (Arrays::Own, Area::Mm2(mm2)) => Ok(Some(filled(config, design, scheme, layers, mm2 * 1e6)?)),
        (Arrays::Own, Area::OfDesign(name)) => {
            let other = other(config, subject, name)?;
            let area_um2 = area_um2(&set(config)?, other.design, &other.scheme, other.total.crossbars, other.total.table_bits)?;
            Ok(Some(filled(config, design, scheme, layers, area_um2)?))
        }
        _ => Err(Error::input(&config.place, "`cost.arrays` beside `cost.area_mm2`: one of them limits the copies").hint("leave one of the two out")),
    }
}

/// The same network on another design, with nothing set in its place and no copies.
fn other(config: &CostConfig, subject: &Subject, name: &str) -> Result<Costed> {
    let mut other = parse(&format!("[cost]\ndesign = \"{name}\"\n"), &config.place, &[], &[])?;
    (other.network, other.components) = (config.network.clone(), config.components.clone());
    (other.bit_planes, other.dataset) = (config.bit_planes, config.dataset.clone());
    cost_of(&other, subject)
}

/// The one set whose areas are meant.
fn set(config: &CostConfig) -> Result<ComponentSet> {
    if config.components == BAND {
        return Err(Error::input(&config.place, "`cost.area_mm2` under the band of component sets: each of them has its own areas").hint("name one: components = \"isaac\""));
    }
    ComponentSet::find(&config.components)
}

fn area_um2(set: &ComponentSet, design: &Design, scheme: &Scheme, arrays: u64, table_bits: u64) -> Result<f64> {
    Ok(price::area_um2(&set.prices(&reading(design, scheme))?, &of_arrays(design, scheme, arrays, table_bits)).total())
}

/// The most arrays in an area.
fn filled(config: &CostConfig, design: &Design, scheme: &Scheme, layers: &[LayerCost], most_um2: f64) -> Result<u64> {
    let set = set(config)?;
    // A copy's table takes at most what that of the layer with most bits for each array does.
    let table_bits = layers.iter().filter(|l| l.counts.crossbars > 0).map(|l| l.counts.table_bits.div_ceil(l.counts.crossbars)).max().unwrap_or(0);
    let (mut low, mut high) = (0, MOST_ARRAYS);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if area_um2(&set, design, scheme, middle, table_bits * middle)? <= most_um2 { low = middle } else { high = middle - 1 }
    }
    let least: u64 = layers.iter().map(|l| l.counts.crossbars).sum();
    if low < least {
        return Err(Error::input(&config.place, format!("`cost.area_mm2`: {:.3} mm2 are {low} crossbars of {}, and one copy of the network takes {least}", most_um2 * 1e-6, design.name)).hint("more area, or fewer bits"));
    }
    Ok(low)
}
