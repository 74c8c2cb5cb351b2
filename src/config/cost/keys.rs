//! The table of the keys of `[cost]`: each with its range, unit, default and meaning, once. `docs/cost.md` is made from it.

use super::{Groups, Packing, TableAccess};
use crate::config::key::{Interval, Key, Kind, key, words};
use crate::config::words::Choice;
use crate::cost::designs;
use crate::cost::price::Stages;

/// A whole number, or the design's.
const fn or_design(min: u64, max: u64) -> Kind {
    Kind::Integer { min, max, words: &["design"] }
}

/// Every key of the section.
#[rustfmt::skip] // one key, few lines: it is read as a table
pub const KEYS: &[Key] = &[
    key("cost.network", "network", Kind::Path { words: &["embedded", "embedded-bwq-a"] }, "\"embedded-bwq-a\"",
        "a network inside the program, a bundled layer table (resnet18-cifar10), or a netgraph-1 JSON file"),
    key("cost.design", "design", words(designs::WORDS), "\"bwq-h\"",
        "whose hardware is counted"),
    key("cost.weight_bits", "weight_bits", or_design(1, 16), "\"design\"",
        "bits of a weight in cells, where no precision map says fewer; what of the sign is in cells says `signs`")
        .unit("bits")
        .slip("as the paper counts: 8 bits of magnitude, no sign; quantization.weight_bits of a sweep has the sign in it"),
    key("cost.activation_bits", "activation_bits", Kind::Integer { min: 1, max: 16, words: &["design", "table2"] }, "\"design\"",
        "bits of an activation on the wordlines; embedded-bwq-a is made for 4; \"table2\" = those of the paper's Table II")
        .unit("bits"),
    key("cost.rows", "rows", or_design(1, 4096), "\"design\"", "wordlines of one crossbar").unit("wordlines"),
    key("cost.cols", "cols", or_design(1, 4096), "\"design\"", "bitlines of one crossbar").unit("bitlines"),
    key("cost.ou_wordlines", "ou_wordlines", or_design(1, 4096), "\"design\"",
        "wordlines active at once (OU height), at most rows")
        .unit("wordlines"),
    key("cost.ou_bitlines", "ou_bitlines", or_design(1, 4096), "\"design\"",
        "bitlines converted at once (OU width), at most cols")
        .unit("bitlines"),
    key("cost.cell_bits", "cell_bits", or_design(1, 8), "\"design\"", "bits held by one cell")
        .unit("bits")
        .slip("bits, not levels: a cell of 4 levels has 2 bits"),
    key("cost.dac_bits", "dac_bits", or_design(1, 8), "\"design\"", "bits of an input step on a wordline").unit("bits"),
    key("cost.row_cut", "row_cut", words(&["design", "block-aligned", "physical"]), "\"design\"",
        "whole OU rows only in each crossbar (128 rows hold 14 of 9), or crossbars filled to the last row, where an OU is short"),
    key("cost.mapping", "mapping", words(&["design", "conventional", "weight-within-ou", "precision-aware"]), "\"design\"",
        "where the bits of a weight lie: neighbouring columns, columns of one OU, or one OU per bit of a block"),
    key("cost.bit_planes", "bit_planes", words(&["design", "in-turn", "in-parallel"]), "\"design\"",
        "weight bits one after another in the OUs of their crossbars, or each slice in crossbars of its own, read at once"),
    key("cost.placement", "placement", words(&["design", "bit-aligned", "packed"]), "\"design\"",
        "whether OUs of missing leading bits stay spare (Fig. 6b of the paper) or are closed up"),
    key("cost.signs", "signs", words(&["design", "not-counted", "paired-analog", "paired-digital", "offset-column"]), "\"design\"",
        "as the paper counts, pairs of columns with one conversion or two, or an offset and a column that holds it"),
    key("cost.groups", "groups", words(Groups::WORDS), "\"diagonal\"",
        "groups of a convolution: as many as fit into an OU at once, one at a time, or a full convolution with zeros"),
    key("cost.packing", "packing", words(Packing::WORDS), "\"none\"",
        "whether a layer begins a crossbar of its own, or goes on where the one before ends"),
    key("cost.adc_bits", "adc_bits", Kind::Integer { min: 1, max: 16, words: &["design", "lossless"] }, "\"design\"",
        "resolution of a conversion; \"lossless\" = the fewest bits that cover every possible sum")
        .unit("bits"),
    key("cost.adc_clips", "adc_clips", Kind::Bool, "false",
        "whether adc_bits may be fewer than every possible sum needs")
        .slip("write true or false, without quotes"),
    key("cost.table_access", "table_access", words(TableAccess::WORDS), "\"per-input-step\"",
        "whether each entry of the table of precisions is read at every input step, or kept for a position"),
    key("cost.table_entry_bits", "table_entry_bits", or_design(1, 16), "\"design\"",
        "bits of an entry of that table; the design's: 4, or as many as weight_bits needs")
        .unit("bits"),
    key("cost.precision_map", "precision_map", Kind::Path { words: &["auto", "uniform", "own", "synthetic", "embedded-bwq-a"] }, "\"auto\"",
        "weight_bits everywhere, what integer weights need, a made-up map, or a file; auto: own for integer weights, else uniform")
        .slip("a file is one of `bwq search` or `bwq train`"),
    key("cost.mean_bits", "mean_bits",
        Kind::Number { interval: Interval { min: 0.0, max: 16.0, above_min: true, below_max: false }, words: &["table2"] }, "\"table2\"",
        "mean bits of a weight of a made-up map; \"table2\" = those that the paper's Table II has for the network and design")
        .unit("bits"),
    key("cost.dataset", "dataset", Kind::Path { words: &["auto"] }, "\"auto\"",
        "images on which SRE's zero inputs are measured; auto: for networks inside the program theirs, else none"),
    key("cost.row_compression", "row_compression",
        Kind::Number { interval: Interval { min: 1.0, max: 1000.0, above_min: false, below_max: false }, words: &["design"] }, "\"design\"",
        "rows of cells over rows left when rows of zeros are squeezed out (SRE, SME), where the network has no weights"),
    key("cost.zero_input_frac", "zero_input_frac",
        Kind::Number { interval: Interval { min: 0.0, max: 1.0, above_min: false, below_max: true }, words: &["design"] }, "\"design\"",
        "share of OU activations that SRE skips as their inputs are all zero, where there are no images")
        .slip("a share of 1, not per cent"),
    key("cost.seed", "seed", Kind::Integer { min: 0, max: u64::MAX, words: &[] }, "1", "seed of a made-up map"),
    key("cost.arrays", "arrays", Kind::Integer { min: 1, max: 1 << 36, words: designs::BUDGETS }, "\"own\"",
        "crossbars for replicas: none, a number, or as many as a design takes for the network (iso-array)")
        .unit("crossbars"),
    key("cost.area_mm2", "area_mm2",
        Kind::Number { interval: Interval { min: 0.0, max: 1e9, above_min: true, below_max: false }, words: designs::BUDGETS }, "\"own\"",
        "area for replicas: none, a number, or as much as a design takes for the network (iso-area), under one component set")
        .unit("mm2"),
    key("cost.components", "components", Kind::Path { words: &["band"] }, "\"band\"",
        "what things cost: four published sets, whose spread is the error bar, one set by name, or a file that ends in .toml"),
    key("cost.layer_stages", "layer_stages", words(Stages::WORDS), "\"overlap\"",
        "whether arrays, buffer, bus, router and accumulator of a layer work at once, or one after another"),
];

#[cfg(test)]
mod tests {
    use super::super::{BitPlanes, Mapping, Placement, Signs};
    use super::*;
    use crate::config::RowCut;

    #[test]
    fn words_of_keys_are_those_of_their_choices() {
        let words = |name: &str| match KEYS.iter().find(|k| k.name() == name).map(|k| k.kind) {
            Some(Kind::Words { words }) => words[1..].to_vec(),
            _ => panic!("{name}"),
        };
        assert_eq!(words("row_cut"), RowCut::WORDS);
        assert_eq!(words("mapping"), Mapping::WORDS);
        assert_eq!(words("placement"), Placement::WORDS);
        assert_eq!(words("bit_planes"), BitPlanes::WORDS);
        assert_eq!(words("signs"), Signs::WORDS);
        assert_eq!(designs::BUDGETS[1..], *designs::WORDS);
        assert_eq!(designs::WORDS.to_vec(), designs::DESIGNS.iter().map(|d| d.name).collect::<Vec<_>>());
    }

    #[test]
    fn meanings_are_short() {
        assert!(KEYS.iter().all(|k| !k.meaning.is_empty() && k.meaning.len() <= 125), "{:?}", KEYS.iter().map(|k| k.meaning.len()).max());
    }
}
