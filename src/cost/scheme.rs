//! What a layer is counted under: a design, with what the user sets in its place.

use super::designs::{Design, Granularity, RowOf};
use crate::config::cost::{BitPlanes, Area, Arrays, CostConfig, Groups, Mapping, Packing, Placement, Signs, TableAccess};
use crate::config::{AdcBits, Choice, RowCut};
use crate::error::{Error, Result};

/// Every setting that a count depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheme {
    /// Wordlines of a crossbar.
    pub rows: u64,
    /// Bitlines of a crossbar.
    pub cols: u64,
    /// Wordlines of an OU.
    pub ou_wordlines: u64,
    /// Bitlines of an OU: those that are converted, so a pair subtracted as currents is one.
    pub ou_bitlines: u64,
    /// Bits of a cell.
    pub cell_bits: u32,
    /// Bits of an input step.
    pub dac_bits: u32,
    /// Bits of a weight in cells, where no map says fewer.
    pub weight_bits: u32,
    /// Bits of an activation.
    pub activation_bits: u32,
    /// Where rows are cut.
    pub row_cut: RowCut,
    /// Where the bits of a weight lie.
    pub mapping: Mapping,
    /// Where bit planes are.
    pub bit_planes: BitPlanes,
    /// How blocks share columns.
    pub placement: Placement,
    /// How signs are held.
    pub signs: Signs,
    /// How groups lie.
    pub groups: Groups,
    /// Whether layers share crossbars.
    pub packing: Packing,
    /// Bits of a conversion.
    pub adc_bits: u32,
    /// Bits of an entry of the table of precisions; `None` = there is none.
    pub table_entry_bits: Option<u32>,
    /// When the table is read.
    pub table_access: TableAccess,
}

/// Fewest bits of an entry: a map holds 0 to 8.
const ENTRY_BITS: u32 = 4;

impl Scheme {
    /// The scheme of a design without anything set in its place. `uniform`: all blocks of a layer have the same bits.
    pub fn of(design: &Design, uniform: bool) -> Self {
        let mut scheme = Scheme {
            rows: design.rows,
            cols: design.cols,
            ou_wordlines: design.ou_wordlines,
            ou_bitlines: design.ou_bitlines,
            cell_bits: design.cell_bits,
            dac_bits: design.dac_bits,
            weight_bits: design.weight_bits,
            activation_bits: design.activation_bits,
            row_cut: design.row_cut,
            mapping: design.mapping,
            bit_planes: design.bit_planes,
            placement: design.placement,
            signs: design.signs,
            groups: Groups::Diagonal,
            packing: Packing::None,
            adc_bits: 0,
            table_entry_bits: None,
            table_access: TableAccess::PerInputStep,
        };
        scheme.table_entry_bits = design.has_table.then(|| scheme.entry_bits(design));
        scheme.mapping = scheme.usual_mapping(design, uniform);
        scheme.adc_bits = design.adc.map_or_else(|| scheme.lossless_adc_bits(), |(bits, _)| bits);
        scheme
    }

    /// The scheme of a configuration. `uniform`: all blocks of a layer have the same bits.
    ///
    /// # Errors
    /// Settings that contradict each other, by their keys.
    pub fn new(config: &CostConfig, design: &Design, uniform: bool) -> Result<Self> {
        let usual = Scheme::of(design, uniform);
        let mut scheme = Scheme {
            rows: config.rows.unwrap_or(usual.rows),
            cols: config.cols.unwrap_or(usual.cols),
            ou_wordlines: config.ou_wordlines.unwrap_or(usual.ou_wordlines),
            ou_bitlines: config.ou_bitlines.unwrap_or(usual.ou_bitlines),
            cell_bits: config.cell_bits.unwrap_or(usual.cell_bits),
            dac_bits: config.dac_bits.unwrap_or(usual.dac_bits),
            weight_bits: config.weight_bits.unwrap_or(usual.weight_bits),
            activation_bits: config.activation_bits.unwrap_or(usual.activation_bits),
            row_cut: config.row_cut.unwrap_or(usual.row_cut),
            bit_planes: config.bit_planes.unwrap_or(usual.bit_planes),
            placement: config.placement.unwrap_or(usual.placement),
            signs: config.signs.unwrap_or(usual.signs),
            groups: config.groups,
            packing: config.packing,
            table_access: config.table_access,
            ..usual
        };
        scheme.mapping = config.mapping.unwrap_or_else(|| scheme.usual_mapping(design, uniform));
        if design.has_table {
            scheme.table_entry_bits = Some(config.table_entry_bits.unwrap_or_else(|| scheme.entry_bits(design)));
        }
        scheme.check(config, design)?;
        let lossless = scheme.lossless_adc_bits();
        let untouched = (scheme.ou_wordlines, scheme.cell_bits, scheme.dac_bits, scheme.signs) == (usual.ou_wordlines, usual.cell_bits, usual.dac_bits, usual.signs);
        scheme.adc_bits = match (config.adc_bits, design.adc) {
            (Some(AdcBits::Bits(bits)), _) if bits < lossless && !config.adc_clips => {
                return Err(scheme.at(config, format!("`cost.adc_bits = {bits}`, but sums of {} rows need {lossless} bits", scheme.ou_wordlines))
                    .hint("adc_bits = \"lossless\", fewer ou_wordlines, or adc_clips = true if the converter may clip"));
            }
            (Some(AdcBits::Bits(bits)), _) => bits,
            (None, Some((bits, _))) if untouched => bits,
            _ => lossless,
        };
        Ok(scheme)
    }

    /// The design's mapping; but where crossbars are cut physically and all bits are the same, the OU grid lies on the bare
    /// matrix of bits, without regard to blocks: that is the count which COST tables call "physical".
    fn usual_mapping(&self, design: &Design, uniform: bool) -> Mapping {
        match (design.mapping, self.row_cut) {
            (Mapping::PrecisionAware, RowCut::Physical) if uniform => Mapping::Conventional,
            (mapping, _) => mapping,
        }
    }

    /// Bits of an entry: of the number of a row where rows are squeezed out, else of a number of bits.
    fn entry_bits(&self, design: &Design) -> u32 {
        let least = self.least_entry_bits(design);
        if design.squeeze.is_some() { least.max(1) } else { least.max(ENTRY_BITS) }
    }

    fn least_entry_bits(&self, design: &Design) -> u32 {
        if design.squeeze.is_some() { self.rows.next_power_of_two().ilog2() } else { u32::BITS - self.weight_bits.leading_zeros() }
    }

    fn at(&self, config: &CostConfig, message: String) -> Error {
        Error::input(&config.place, message)
    }

    fn check(&self, config: &CostConfig, design: &Design) -> Result<()> {
        for (ou, whole, of, in_all) in [(self.ou_wordlines, self.rows, "ou_wordlines", "rows"), (self.ou_bitlines, self.columns(), "ou_bitlines", "cols")] {
            if ou > whole {
                let pairs = if in_all == "cols" && whole < self.cols { format!(", of which {whole} are left by signs = \"{}\"", self.signs.word()) } else { String::new() };
                let written = if in_all == "cols" { self.cols } else { self.rows };
                return Err(self.at(config, format!("`cost.{of} = {ou}` is more than `cost.{in_all} = {written}`{pairs}: an OU lies in one crossbar"))
                    .hint(format!("at most {whole} for {of}, or raise {in_all}")));
            }
        }
        if self.dac_bits > self.activation_bits {
            return Err(self.at(config, format!("`cost.dac_bits = {}` is more than `cost.activation_bits = {}`", self.dac_bits, self.activation_bits)).hint("an input step has at most the bits of an activation"));
        }
        let least = self.least_entry_bits(design);
        if let Some(bits) = self.table_entry_bits.filter(|&bits| bits < least) {
            let what = if design.squeeze.is_some() { format!("the number of one of {} rows", self.rows) } else { format!("weight_bits = {}", self.weight_bits) };
            return Err(self.at(config, format!("`cost.table_entry_bits = {bits}` cannot hold {what}")).hint(format!("at least {least}")));
        }
        if self.packing == Packing::Shared && self.bit_planes == BitPlanes::InParallel {
            return Err(self.at(config, "`cost.packing = \"shared\"` beside `cost.bit_planes = \"in-parallel\"`: each slice begins crossbars of its own".into()).hint("leave one of the two out"));
        }
        self.check_squeeze(config, design)?;
        if config.table_entry_bits.is_some() && !design.has_table {
            return Err(self.at(config, format!("`cost.table_entry_bits`: the design {} has no table of precisions", design.name)).hint("leave it out"));
        }
        if self.packing == Packing::Shared && (config.arrays != Arrays::Own || config.area != Area::Own) {
            return Err(self.at(config, "`cost.packing = \"shared\"` beside a budget of arrays or area: layers that share a crossbar have no replicas of their own".into()).hint("leave one of the two out"));
        }
        Ok(())
    }

    /// What does not go with rows that are squeezed out.
    fn check_squeeze(&self, config: &CostConfig, design: &Design) -> Result<()> {
        let Some(squeeze) = design.squeeze else {
            let given = [("row_compression", config.row_compression.is_some()), ("zero_input_frac", config.zero_input_frac.is_some())];
            return match given.iter().find(|(_, is_given)| *is_given) {
                Some((key, _)) => Err(self.at(config, format!("`cost.{key}`: the design {} squeezes no rows out", design.name)).hint("leave it out, or count sre or sme")),
                None => Ok(()),
            };
        };
        let not = [
            (squeeze.row_of == RowOf::Crossbar && self.bit_planes == BitPlanes::InTurn, "bit_planes = \"in-turn\"", "its bit planes lie in different crossbars"),
            (self.mapping != Mapping::Conventional, "mapping", "bits of its weights lie in neighbouring columns"),
            (self.signs != Signs::NotCounted, "signs", "rows are zero by magnitude, signs apart"),
            (self.packing != Packing::None, "packing = \"shared\"", "its layers begin crossbars of their own"),
            (self.groups == Groups::Dense, "groups = \"dense\"", "zeros of other groups would all be squeezed out"),
        ];
        match not.iter().find(|(is, ..)| *is) {
            Some((_, key, why)) => Err(self.at(config, format!("`cost.{key}` does not go with the design {}: {why}", design.name)).hint("leave it out")),
            None => Ok(()),
        }
    }

    /// Input steps of an activation.
    pub fn input_steps(&self) -> u64 {
        u64::from(self.activation_bits.div_ceil(self.dac_bits))
    }

    /// Converted columns of a weight of `bits` bits.
    pub fn cells(&self, bits: u32) -> u64 {
        let slices = u64::from(bits.div_ceil(self.cell_bits));
        if self.signs == Signs::PairedDigital { 2 * slices } else { slices }
    }

    /// Columns of a crossbar that are converted and hold weights.
    pub fn columns(&self) -> u64 {
        match self.signs {
            Signs::NotCounted | Signs::PairedDigital => self.cols,
            Signs::PairedAnalog => self.cols / 2,
            Signs::OffsetColumn => self.cols - 1,
        }
    }

    /// Whole OUs that lie above and beside each other in a crossbar.
    pub fn ous(&self) -> [u64; 2] {
        [self.rows / self.ou_wordlines, self.columns() / self.ou_bitlines]
    }

    /// Fewest bits of a conversion that hold every possible sum of an OU's column; a difference of two needs one more, of a
    /// symmetric converter.
    pub fn lossless_adc_bits(&self) -> u32 {
        let largest = self.ou_wordlines * ((1 << self.cell_bits) - 1) * ((1 << self.dac_bits) - 1);
        let bits = u64::BITS - largest.leading_zeros();
        if self.signs == Signs::PairedAnalog { bits + 1 } else { bits }
    }

    /// Every setting by its key, with its value.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let (entry, access) = self.table_entry_bits.map_or_else(|| ("none".into(), "none"), |bits| (bits.to_string(), self.table_access.word()));
        vec![
            ("rows", self.rows.to_string()),
            ("cols", self.cols.to_string()),
            ("ou_wordlines", self.ou_wordlines.to_string()),
            ("ou_bitlines", self.ou_bitlines.to_string()),
            ("cell_bits", self.cell_bits.to_string()),
            ("dac_bits", self.dac_bits.to_string()),
            ("weight_bits", self.weight_bits.to_string()),
            ("activation_bits", self.activation_bits.to_string()),
            ("row_cut", self.row_cut.word().into()),
            ("mapping", self.mapping.word().into()),
            ("bit_planes", self.bit_planes.word().into()),
            ("placement", self.placement.word().into()),
            ("signs", self.signs.word().into()),
            ("groups", self.groups.word().into()),
            ("packing", self.packing.word().into()),
            ("adc_bits", self.adc_bits.to_string()),
            ("table_entry_bits", entry),
            ("table_access", access.into()),
        ]
    }
}

impl Design {
    /// Whether a precision map has a meaning for it.
    pub fn takes_map(&self) -> bool {
        self.granularity != Granularity::Network
    }
}
