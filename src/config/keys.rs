//! THE table of the sweep file: every key, its range, unit, default and meaning, once.
//!
//! Validation, "did you mean", the file of `bwq new`, the CSV columns, the point's hash and the reference page are
//! made from it. The order of the keys is the order of the axes (the last one runs fastest) and of the columns.

pub use super::key::{A_NUMBER, Hash, Interval, Key, Kind, UsedWith};
use super::key::{closed, integer, key, words};
use super::presets;
use super::point::{Clipping, Clustering, Compensation, DigitalLayers, OffsetRemoval, ReadNoiseModel, RowCut, Subtraction, WeightScale, WireTopology};
use super::words::Choice;

/// The sections, in order, with what they hold.
pub const SECTIONS: &[(&str, &str)] = &[
    ("network", "what runs on the crossbars, and on which images"),
    ("quantization", "numbers of the network as integers"),
    (
        "crossbar",
        "the arrays, the operation unit (OU) that is active in one cycle, and how weights lie in them",
    ),
    ("adc", "the converter at the bitlines"),
    ("device", "the cell"),
    ("monte_carlo", "how many chips are drawn"),
];

/// Place of a key in the table, which orders axes and columns.
pub fn position(key: &Key) -> usize {
    KEYS.iter().position(|k| k.path == key.path).unwrap_or(KEYS.len())
}

/// The key with this path.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.path == path)
}

/// A key that stands for values of others: it is resolved before anything else, so it is no axis and no column.
pub const PRESET: Key = key("device.preset", "", words(presets::WORDS), "\"none\"",
    "a published design, as defaults for what is set nowhere else in [crossbar], [adc] and [device]; see `bwq presets`")
    .slip("one preset for a sweep; what is set beside it wins, so leave out what the preset should set")
    .hash(Hash::Resolved);

/// Every key that a file may hold: the table's, [`PRESET`] before those of its section, and those of a search and of `bwq pareto`.
pub fn written() -> impl Iterator<Item = &'static Key> + Clone {
    let before = KEYS.iter().position(|k| k.section() == PRESET.section()).unwrap_or(0);
    KEYS[..before].iter().chain([&PRESET]).chain(&KEYS[before..]).chain(super::search::KEYS).chain(super::pareto::KEYS)
}

const LAW: &str = "device.programming_error.law";
const READ_NOISE: &str = "device.read_noise.law";
const NORMAL: &[&str] = &["normal-proportional", "normal-independent"];

/// Every key. See the module's text for what its order means.
#[rustfmt::skip] // one key, few lines: it is read as a table
pub const KEYS: &[Key] = &[
    key("network.model", "network", Kind::Path { words: &["embedded", "embedded-bwq-a"] }, "\"embedded\"",
        "the float network inside the program, its quantised form by BWQ-A, or a netgraph-1 JSON file with its weights")
        .hash(Hash::Contents)
        .cost("time grows with the network's multiplications"),
    key("network.dataset", "dataset", Kind::Path { words: &["embedded"] }, "\"embedded\"",
        "the test set: the one inside the program, or a file")
        .hash(Hash::Contents),
    key("network.images", "images", integer(1, 10_000_000), "1000",
        "how many images each chip classifies, the first ones of the test set")
        .unit("images")
        .slip("a whole number of images; with few of them accuracy is coarse: 100 images are steps of 1 %")
        .cost("time grows in proportion"),
    key("quantization.weight_bits", "weight_bits", integer(2, 9), "8",
        "bits of a weight, the sign included: 8 = sign and 7 magnitude bits")
        .unit("bits")
        .slip("the sign counts: 8 magnitude bits, as a precision map may hold, are weight_bits = 9"),
    key("quantization.activation_bits", "activation_bits", integer(1, 12), "8",
        "bits of an activation that enters a crossbar")
        .unit("bits")
        .slip("activations are integers on the wordlines; there is no float setting")
        .cost("time grows with activation_bits / dac_bits"),
    key("quantization.weight_scale", "weight_scale", words(WeightScale::WORDS), "\"per-layer\"",
        "one weight scale for a layer, or one for each output channel"),
    key("quantization.clipping", "clipping", words(Clipping::WORDS), "\"mse\"",
        "how an activation's range is chosen on the calibration images: least squared error, or the largest value"),
    key("quantization.precision_map", "precision_map", Kind::Path { words: &["uniform", "embedded-bwq-a"] }, "\"uniform\"",
        "weight_bits everywhere, the map of embedded-bwq-a, or a JSON file of magnitude bits per block (README.md)")
        .hash(Hash::Contents)
        .slip("a map holds magnitude bits and needs encoding = \"differential\""),
    key("crossbar.rows", "rows", integer(1, 4096), "128",
        "wordlines of one crossbar")
        .unit("wordlines")
        .slip("rows is the array's height; how many are on at once is ou_wordlines"),
    key("crossbar.cols", "cols", integer(1, 4096), "128",
        "bitlines of one crossbar")
        .unit("bitlines")
        .slip("cols is the array's width; how many are converted at once is ou_bitlines"),
    key("crossbar.ou_wordlines", "ou_wordlines", integer(1, 1024), "9",
        "wordlines active at once (OU height), at most rows")
        .unit("wordlines")
        .slip("all wordlines at once is ou_wordlines = rows"),
    key("crossbar.ou_bitlines", "ou_bitlines", integer(1, 4096), "8",
        "bitlines converted at once (OU width), at most cols")
        .unit("bitlines")
        .slip("all bitlines at once is ou_bitlines = cols"),
    key("crossbar.cell_bits", "cell_bits", integer(1, 8), "1",
        "bits held by one cell")
        .unit("bits")
        .slip("bits, not levels: a cell of 4 levels has 2 bits"),
    key("crossbar.dac_bits", "dac_bits", integer(1, 8), "1",
        "bits of an input step on a wordline")
        .unit("bits")
        .slip("bits of one step; an activation takes activation_bits / dac_bits steps"),
    key("crossbar.row_cut", "row_cut", words(RowCut::WORDS), "\"block-aligned\"",
        "row groups never cross a crossbar's border, or fill it to its last row"),
    key("crossbar.encoding", "encoding", words(&["differential", "offset"]), "\"differential\"",
        "sign and magnitude in two planes of cells, or weight + 2^(weight_bits - 1) in one"),
    key("crossbar.subtraction", "subtraction", words(Subtraction::WORDS), "\"analog\"",
        "planes subtracted as currents before one conversion, or as numbers after two")
        .with("crossbar.encoding", &["differential"]),
    key("crossbar.offset_removal", "offset_removal", words(OffsetRemoval::WORDS), "\"digital\"",
        "the offset computed from the inputs, or read from a reference column")
        .with("crossbar.encoding", &["offset"]),
    key("crossbar.digital_layers", "digital_layers", words(DigitalLayers::WORDS), "\"none\"",
        "layers computed digitally instead of on a crossbar"),
    key("crossbar.compensation", "compensation", words(Compensation::WORDS), "\"none\"",
        "what each chip corrects digitally, measured on calibration images: a gain per layer, or a line per channel")
        .off("none"),
    key("adc.bits", "adc_bits", Kind::Integer { min: 1, max: 14, words: &["lossless", "ideal"] }, "\"lossless\"",
        "resolution; \"lossless\" = the fewest bits that cover every possible sum, \"ideal\" = no rounding at all")
        .unit("bits")
        .slip("0 is no resolution: no rounding is \"ideal\", the fewest bits that lose nothing are \"lossless\""),
    key("adc.range", "adc_range",
        Kind::Pair { interval: closed(-65536.0, 65536.0), words: &["full", "calibrated"] }, "\"full\"",
        "full scale: all possible sums, the currents of the calibration images, or [lo, hi]")
        .unit("currents of one cell at g_on")
        .slip("range = [-9, 9] is one range; a list of ranges is [[-9, 9], [-4, 4]]")
        .with("adc.bits", &[A_NUMBER]),
    key("adc.offset_sigma_steps", "adc_offset_sigma_steps", Kind::Number { interval: closed(0.0, 100.0), words: &[] }, "0.0",
        "standard deviation of a converter's offset from converter to converter")
        .unit("ADC steps")
        .off("0"),
    key("adc.gain_sigma_rel", "adc_gain_sigma_rel", Kind::Number { interval: closed(0.0, 0.5), words: &[] }, "0.0",
        "standard deviation of a converter's gain about 1")
        .unit("fraction")
        .slip("a fraction: 1 % is 0.01")
        .off("0"),
    key("adc.threshold_sigma_steps", "adc_threshold_sigma_steps", Kind::Number { interval: closed(0.0, 10.0), words: &[] }, "0.0",
        "standard deviation of each threshold of a converter")
        .unit("ADC steps")
        .off("0"),
    key("device.g_on_siemens", "g_on_siemens", Kind::Number { interval: closed(1e-12, 1.0), words: &[] }, "1e-4",
        "conductance of a cell at its highest level")
        .unit("S")
        .slip("siemens, not ohm or microsiemens: 10 kOhm = 100 uS is 1e-4"),
    key("device.on_off_ratio", "on_off_ratio",
        Kind::Number {
            interval: Interval { min: 1.0, max: 1e12, above_min: true, below_max: false },
            words: &["infinite"],
        }, "100",
        "g_on / g_off")
        .slip("g_off = 0 is \"infinite\"; a ratio of 1 would hold no information"),
    key("device.fraction_bits", "fraction_bits", Kind::Integer { min: 4, max: 30, words: &["max"] }, "\"max\"",
        "fraction bits of a conductance in units of g_on; \"max\" = as many as a 32-bit bitline sum allows")
        .unit("bits")
        .slip("\"max\" is the most exact; a number such as 12 trades rounding, which is printed, for speed"),
    key(LAW, "programming_error_law",
        words(&["none", "lognormal", "normal-proportional", "normal-independent", "write-verify", "table"]), "\"none\"",
        "law of the error each cell gets when it is written, once per chip")
        .slip("programming error is per chip; what changes at each read is read noise"),
    key("device.programming_error.sigma_ln", "sigma_ln", Kind::Number { interval: closed(0.0, 2.0), words: &[] }, "",
        "standard deviation of ln G, at the highest level (the median is kept)")
        .unit("fraction")
        .slip("sigma_ln is a fraction: 5 means 500 %; 5 % is 0.05")
        .with(LAW, &["lognormal"]),
    key("device.programming_error.sigma_ln_off", "sigma_ln_off", Kind::Number { interval: closed(0.0, 2.0), words: &["same"] }, "\"same\"",
        "standard deviation of ln G at the lowest level (levels between lie on a line)")
        .unit("fraction")
        .slip("sigma_ln_off is a fraction: 5 means 500 %; 5 % is 0.05")
        .off("same")
        .with(LAW, &["lognormal"]),
    key("device.programming_error.sigma_rel", "sigma_rel", Kind::Number { interval: closed(0.0, 1.0), words: &[] }, "",
        "standard deviation as a fraction of G (normal-proportional) or of g_on (the others)")
        .unit("fraction")
        .slip("sigma_rel is a fraction: 5 means 500 %; 5 % is 0.05")
        .with(LAW, &["normal-proportional", "normal-independent", "write-verify"]),
    key("device.programming_error.clip", "programming_error_clip", Kind::Bool, "false",
        "clip errors to [g_off, g_on]; without it only at 0")
        .slip("write true or false, without quotes")
        .with(LAW, &["lognormal", "normal-proportional", "normal-independent"]),
    key("device.programming_error.tolerance_rel", "write_verify_tolerance_rel",
        Kind::Number { interval: Interval { min: 0.0, max: 1.0, above_min: true, below_max: false }, words: &[] }, "",
        "accepted distance from the target, as a fraction of g_on")
        .unit("fraction")
        .slip("tolerance_rel is a fraction of g_on: 2 % is 0.02")
        .with(LAW, &["write-verify"]),
    key("device.programming_error.attempts", "write_verify_attempts", integer(1, 1000), "",
        "most attempts to write a cell; one that is then still outside stays as it is")
        .unit("attempts")
        .with(LAW, &["write-verify"]),
    key("device.programming_error.file", "programming_error_file", Kind::Path { words: &[] }, "",
        "CSV of measured conductances or quantiles for each level (guide.md)")
        .hash(Hash::Contents)
        .with(LAW, &["table"]),
    key("device.relaxation.sigma_rel", "relaxation_sigma_rel", Kind::Number { interval: closed(0.0, 1.0), words: &[] }, "0.0",
        "standard deviation of what a cell moves by after it was written, as a fraction of g_on")
        .unit("fraction")
        .slip("sigma_rel is a fraction of g_on: 5 % is 0.05")
        .off("0"),
    key("device.spread.sigma_chip_ln", "sigma_chip_ln", Kind::Number { interval: closed(0.0, 2.0), words: &[] }, "0.0",
        "standard deviation of ln G from chip to chip, the same for all cells of a chip")
        .unit("fraction")
        .slip("a fraction: 5 % is 0.05")
        .off("0"),
    key("device.spread.sigma_column_ln", "sigma_column_ln", Kind::Number { interval: closed(0.0, 2.0), words: &[] }, "0.0",
        "standard deviation of ln G from bitline to bitline, the same for all cells of a crossbar's bitline")
        .unit("fraction")
        .slip("a fraction: 5 % is 0.05")
        .off("0"),
    key("device.spread.sigma_gradient_ln", "sigma_gradient_ln", Kind::Number { interval: closed(0.0, 2.0), words: &[] }, "0.0",
        "standard deviation of ln G at an array's edge against its centre: a slope along each side, drawn per chip")
        .unit("fraction")
        .slip("a fraction: 5 % is 0.05")
        .off("0"),
    key("device.stuck_at.on_frac", "stuck_on_frac", Kind::Number { interval: closed(0.0, 1.0), words: &[] }, "0.0",
        "share of cells stuck at g_on")
        .unit("fraction")
        .slip("on_frac is a fraction: 1 means all cells; 1 % is 0.01")
        .off("0"),
    key("device.stuck_at.off_frac", "stuck_off_frac", Kind::Number { interval: closed(0.0, 1.0), words: &[] }, "0.0",
        "share of cells stuck at g_off")
        .unit("fraction")
        .slip("off_frac is a fraction: 1 means all cells; 1 % is 0.01")
        .off("0"),
    key("device.stuck_at.clustering", "stuck_clustering", words(Clustering::WORDS), "\"none\"",
        "each cell stuck on its own, or whole wordlines or bitlines of a crossbar, at the same rates")
        .off("none"),
    key("device.drift.nu", "drift_nu", Kind::Number { interval: closed(-1.0, 1.0), words: &[] }, "0.0",
        "mean exponent of drift, G(t) = G (t / t0)^-nu")
        .off("0"),
    key("device.drift.sigma_nu", "drift_sigma_nu", Kind::Number { interval: closed(0.0, 1.0), words: &[] }, "0.0",
        "standard deviation of the exponent from cell to cell")
        .off("0"),
    key("device.drift.t0_s", "drift_t0_s", Kind::Number { interval: closed(1e-9, 1e9), words: &[] }, "1.0",
        "time after programming at which conductances are as written")
        .unit("s")
        .off("1"),
    key("device.time_s", "time_s", Kind::Number { interval: closed(1e-9, 1e12), words: &[] }, "1.0",
        "time after programming at which the network runs; up to drift.t0_s nothing has drifted")
        .unit("s")
        .slip("seconds: a day is 86400, a year 3.15e7")
        .off("1"),
    key(READ_NOISE, "read_noise_law", words(&["none", "normal-proportional", "normal-independent"]), "\"none\"",
        "law of what changes at each read, drawn anew for every conversion")
        .slip("read noise is per read; what stays once a cell is written is programming error")
        .off("none"),
    key("device.read_noise.sigma_rel", "read_noise_sigma_rel", Kind::Number { interval: closed(0.0, 1.0), words: &[] }, "",
        "standard deviation of a cell's current, as a fraction of G (normal-proportional) or of g_on")
        .unit("fraction")
        .slip("sigma_rel is a fraction: 5 means 500 %; 5 % is 0.05")
        .with(READ_NOISE, NORMAL),
    key("device.read_noise.model", "read_noise_model", words(ReadNoiseModel::WORDS), "\"exact\"",
        "a draw for each conversion, or (up to sigma_rel 0.05 and 12 rows) for the least certain codes of a column")
        .cost("exact costs many times the time of a run without read noise")
        .with(READ_NOISE, NORMAL),
    key("device.wire_ohm", "wire_ohm", Kind::Number { interval: closed(0.0, 1e6), words: &[] }, "0.0",
        "resistance of one cell's segment of a wordline or bitline")
        .unit("ohm")
        .off("0"),
    key("device.wire_topology", "wire_topology", words(WireTopology::WORDS), "\"plain\"",
        "inputs drive the rows, or gate cells that a supply wire beside each bitline feeds")
        .off("plain"),
    key("monte_carlo.trials", "trials", integer(1, 10_000_000), "100",
        "chips drawn for each point")
        .unit("chips")
        .slip("a whole number of chips, for each point of the sweep")
        .cost("time grows in proportion; more trials later reuse the finished ones")
        .hash(Hash::Nothing),
    key("monte_carlo.seed", "seed", integer(0, u64::MAX), "1",
        "seed of everything random: the same seed is the same chips")
        .slip("a whole number, not negative"),
    key("monte_carlo.max_drop", "max_drop_frac",
        Kind::Number {
            interval: Interval { min: 0.0, max: 1.0, above_min: false, below_max: true },
            words: &[],
        }, "0.01",
        "a chip passes if its accuracy is within this of the quantised accuracy")
        .unit("fraction")
        .slip("max_drop is a fraction: 1 means 100 %; 1 % is 0.01")
        .hash(Hash::Nothing),
    key("monte_carlo.antithetic", "antithetic", Kind::Bool, "false",
        "each second chip mirrors the one before it: means vary less; spread and yield then come from every other chip")
        .off("false"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_consistent() {
        let paths: BTreeSet<_> = KEYS.iter().map(|k| k.path).collect();
        assert_eq!(paths.len(), KEYS.len(), "each path once");
        assert_eq!(
            KEYS.iter().map(|k| k.column).collect::<BTreeSet<_>>().len(),
            KEYS.len(),
            "each column once"
        );
        for key in KEYS {
            assert!(SECTIONS.iter().any(|(s, _)| *s == key.section()), "{}", key.path);
            assert!(!key.meaning.is_empty() && key.meaning.len() <= 110, "{}", key.path);
            assert!(key.column.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{}", key.column);
            if let Some(with) = key.used_with {
                let other = KEYS.iter().position(|k| k.path == with.key).expect(with.key);
                assert!(KEYS[other].used_with.is_none(), "no chains: {}", key.path);
                assert_eq!(KEYS[other].section(), key.section());
            }
        }
        let order: Vec<_> = KEYS.iter().map(Key::section).collect();
        let mut sections = order.clone();
        sections.dedup();
        assert_eq!(
            sections,
            SECTIONS.iter().map(|(s, _)| *s).collect::<Vec<_>>(),
            "sections in order, each once"
        );
    }

    #[test]
    fn ranges_read_well() {
        let allowed = |path| find(path).map(Key::allowed).unwrap_or_default();
        assert_eq!(allowed("crossbar.ou_wordlines"), "1 to 1024 (wordlines)");
        assert_eq!(allowed("adc.bits"), "1 to 14 (bits), \"lossless\" or \"ideal\"");
        assert_eq!(allowed("device.on_off_ratio"), "above 1 to 1e12 or \"infinite\"");
        assert_eq!(allowed("monte_carlo.max_drop"), "0 to below 1 (fraction)");
        assert_eq!(allowed("quantization.clipping"), "\"mse\" or \"max\"");
    }

    #[test]
    fn paths_split_into_section_table_and_name() {
        let law = find(LAW).expect("is a key");
        assert_eq!((law.section(), law.table(), law.name()), ("device", Some("programming_error"), "law"));
        assert_eq!(find("adc.bits").and_then(Key::table), None);
    }
}
