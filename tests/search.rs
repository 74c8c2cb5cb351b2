//! `bwq search`: what holds for every rounding of a layer, and the program from file to files.

mod support;

use bwq::config::{self, Overrides};
use bwq::network::{Network, Tensor, float, fold, read};
use bwq::quantize::lower::lower;
use bwq::quantize::weights::magnitude_bits;
use bwq::quantize::{IntegerNetwork, PrecisionMap};
use bwq::search::candidate::needed_bits;
use bwq::search::fit::{Choice, Fitted, fit};
use bwq::search::layer::Layer;
use bwq::search::statistics::{Samples, Statistics};
use bwq::{dataset, embedded, engine};
use proptest::prelude::*;
use std::path::Path;
use support::{bwq, bwq_ok, column};

/// A layer of random weights, and the statistics of random inputs that go together.
struct Case {
    weight: Tensor,
    rows: usize,
    outputs: usize,
    statistics: Statistics,
}

impl Case {
    fn new(rows: usize, outputs: usize, seed: u64) -> Self {
        let number = |i: usize| {
            let mixed = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(seed.wrapping_mul(0xD1B5_4A32_D192_ED03));
            ((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f32 / (1 << 24) as f32 - 0.5
        };
        let weights: Vec<f32> = (0..rows * outputs).map(|i| number(i) * (1.0 + (i % 5) as f32)).collect();
        let samples = 40;
        let statistics = Statistics::new(rows, outputs, 3, &|portion| {
            // Neighbouring rows share half of what they are.
            let x = |row: usize, s: usize| number(1000 + row * 97 + s * 31 + portion * 7919) + number(5000 + (row / 2) * 89 + s * 37 + portion * 6007);
            let inputs: Vec<f32> = (0..rows).flat_map(|r| (0..samples).map(move |s| (r, s))).map(|(r, s)| x(r, s)).collect();
            let targets = (0..outputs).flat_map(|o| (0..samples).map(move |s| (o, s))).map(|(o, s)| (0..rows).map(|r| weights[o * rows + r] * x(r, s)).sum()).collect();
            Samples { inputs, targets }
        });
        Case { weight: Tensor::of_floats(vec![outputs, rows], weights), rows, outputs, statistics }
    }

    fn fit(&self, block: [usize; 2], most_bits: u32, fixed_bits: Option<u32>, price: f64) -> Fitted {
        let layer = Layer { node: 0, name: "layer", weight: &self.weight, rows: self.rows, outputs: self.outputs, groups: 1, positions: 1 };
        let price = |rows: usize, columns: usize, bits: u32| price * (rows * columns) as f64 * f64::from(bits);
        fit(&layer, std::slice::from_ref(&self.statistics), &Choice { block, most_bits, fixed_bits, price: &price }).expect("a fit")
    }
}

fn mean_bits(fitted: &Fitted) -> f64 {
    let all: Vec<f64> = fitted.bits.iter().flatten().map(|&b| f64::from(b)).collect();
    all.iter().sum::<f64>() / all.len() as f64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Bits are those that the integers need, no more and no fewer, whatever block, price and most bits.
    #[test]
    fn bits_are_what_the_integers_need(
        rows in 1usize..24, outputs in 1usize..12, height in 1usize..10, width in 1usize..9, most in 1u32..9, price in prop_oneof![Just(0.0), 1e-6..1.0f64, Just(1e9)], seed in 0u64..1000,
    ) {
        let case = Case::new(rows, outputs, seed);
        let fitted = case.fit([height, width], most, None, price);
        prop_assert_eq!(&fitted.bits, &needed_bits(&fitted.integers, rows, [height, width]));
        prop_assert!(fitted.integers.iter().all(|&n| magnitude_bits(n) <= most));
        prop_assert!(fitted.step.iter().all(|s| *s > 0.0 && s.is_finite()) && fitted.bias.iter().all(|b| b.is_finite()));
        if price >= 1e9 {
            prop_assert!(fitted.integers.iter().all(|&n| n == 0), "a price that nothing is worth leaves no bits");
        }
    }

    /// A fixed number of bits is kept by every integer.
    #[test]
    fn fixed_bits_are_never_exceeded(rows in 1usize..24, outputs in 1usize..12, bits in 1u32..8, seed in 0u64..1000) {
        let fitted = Case::new(rows, outputs, seed).fit([9, 8], 8, Some(bits), 0.0);
        prop_assert!(fitted.integers.iter().all(|&n| magnitude_bits(n) <= bits));
        prop_assert!(fitted.integers.iter().any(|&n| n != 0));
    }

    /// More bits never cost accuracy where they are free, and cost something where they are not.
    #[test]
    fn a_higher_price_buys_fewer_bits(seed in 0u64..1000) {
        let case = Case::new(18, 16, seed);
        let [free, cheap, dear] = [0.0, 1e-3, 3e-2].map(|price| case.fit([9, 8], 8, None, price));
        prop_assert!(mean_bits(&free) >= mean_bits(&cheap) && mean_bits(&cheap) >= mean_bits(&dear));
        prop_assert!(free.error <= cheap.error && cheap.error <= dear.error);
    }
}

fn embedded_network() -> (Network, dataset::Dataset) {
    (fold::fold_batchnorm(&embedded::network().expect("embedded")).expect("folded"), embedded::dataset(20, 16).expect("embedded"))
}

/// Every integer of a network of `weight_bits`, with and without a map.
fn lowered(network: &Network, data: &dataset::Dataset, weight_bits: u32, map: Option<PrecisionMap>) -> IntegerNetwork {
    let set = vec![format!("quantization.weight_bits={weight_bits}")];
    let sweep = config::parse("", "s.toml", &Overrides { set, ..Overrides::default() }).expect("a sweep");
    IntegerNetwork { precision_map: None, ..lower(network, data, &sweep.points[0].quantization, map).expect("lowered") }
}

#[test]
fn a_map_of_all_bits_changes_nothing_and_one_of_none_leaves_zeros() {
    let (network, data) = embedded_network();
    let map = |bits: u8| {
        let layers = bwq::search::layer::layers(&network).iter().map(|l| (l.name.to_string(), vec![vec![bits; l.outputs.div_ceil(8)]; l.rows.div_ceil(9)])).collect();
        PrecisionMap::new([9, 8], layers)
    };
    assert_eq!(lowered(&network, &data, 9, Some(map(8))), lowered(&network, &data, 9, None));
    let empty = lowered(&network, &data, 9, Some(map(0)));
    assert!(empty.matrices().flat_map(|(_, m)| &m.parts).all(|p| p.weights.iter().all(|&w| w == 0)));
}

/// A search of seconds: few images, no refinement of the edge.
const SEARCH: &str = r#"
[network]
images = 200

[monte_carlo]
max_drop = 0.03

[search]
calibration_images = 24
levels = 0
"#;

fn search_folder(more: &str) -> tempfile::TempDir {
    let dir = support::folder("");
    std::fs::write(dir.path().join("search.toml"), format!("{SEARCH}{more}")).expect("written");
    dir
}

const TABLES: [&str; 2] = ["search.csv", "search_layers.csv"];
const FILES: [&str; 8] = ["precision_map.json", "network.json", "network.safetensors", "search.svg", "bits_per_block.svg", "block_bits.svg", "search.csv", "search_layers.csv"];

/// The whole way: what is exported runs, and is what was measured.
#[test]
fn a_search_exports_what_it_measured() {
    let dir = search_folder("");
    let d = dir.path();
    let stdout = bwq_ok(d, &["search", "search.toml", "--engine", "cpu", "--threads", "2", "--out", "a"]);
    for table in TABLES {
        assert!(d.join("a").join(table).with_extension("provenance.json").exists());
    }
    assert!(stdout.contains("chosen: block-wise") && stdout.contains("accuracy, unseen"), "{stdout}");

    // The integers of the network need the bits of the map, no more and no fewer.
    let map = PrecisionMap::read(&d.join("a/precision_map.json")).expect("a map");
    let network = read::read(&d.join("a/network.json")).expect("a network");
    for layer in bwq::search::layer::layers(&network) {
        let integers = layer.weight.integers().expect("integers");
        assert_eq!(map.layers[layer.name], needed_bits(&integers, layer.rows, map.block), "{}", layer.name);
    }

    // The sweep that was written measures the accuracy that the search measured.
    let sweep = config::load(&d.join("a/sweep.toml"), &Overrides::default()).expect("a sweep");
    let point = &sweep.points[0];
    let data = embedded::dataset(200, bwq::sweep::materials::CALIBRATION_IMAGES).expect("embedded");
    let integer = lower(&network, &data, &point.quantization, Some(map)).expect("lowered");
    let images = engine::IntegerImages::new(&integer, &data);
    let correct = engine::cpu::digital::correct(&engine::cpu::digital::logits(&integer, &images), &images.labels);
    let csv = d.join("a/search.csv");
    let rows = (0..column(&csv, "method").len()).filter(|&i| column(&csv, "unseen_images")[i] == "800").collect::<Vec<_>>();
    assert_eq!(rows.len(), 1, "the chosen one alone was tested on the unseen images");
    let measured: f64 = column(&csv, "accuracy_frac")[rows[0]].parse().expect("a number");
    assert_eq!(correct as f64 / 200.0, measured);
    let float_correct = float::accuracy(&embedded::network().expect("embedded"), &data);
    assert!(correct as usize + 6 >= float_correct, "{correct} of 200 against {float_correct}: the budget is 6 images");

    // It runs on crossbars, where ideal ones give the same integers, or the program would stop.
    bwq_ok(d, &["run", "a/sweep.toml", "--engine", "cpu", "--images", "20", "--trials", "1", "--out", "run"]);
    let layers = d.join("a/search_layers.csv");
    assert_eq!(column(&layers, "layer").last().map(String::as_str), Some("all"));
    let compression: Vec<f64> = column(&layers, "compression").iter().filter_map(|c| c.parse().ok()).collect();
    assert!(compression.last().is_some_and(|c| *c > 10.0), "{compression:?}");
}

/// A search of the tiny network, which has every kind of node and random labels.
const TINY: &str = r#"
[network]
model = "net.json"
dataset = "data"
images = 30

[monte_carlo]
max_drop = MAX_DROP

[search]
calibration_images = 16
levels = 1
block_rows = 4
block_columns = 3
"#;

fn tiny_folder(max_drop: &str, more: &str) -> tempfile::TempDir {
    let dir = support::folder_with_network("", 40);
    std::fs::write(dir.path().join("search.toml"), format!("{}{more}", TINY.replace("MAX_DROP", max_drop))).expect("written");
    dir
}

/// Channel groups, branches that are added, copies, every kind of pooling; the same bytes with any number of threads.
#[test]
fn every_kind_of_node_is_walked_through() {
    let dir = tiny_folder("0.2", "activation_bits = \"fewest\"\n");
    let d = dir.path();
    let stdout = bwq_ok(d, &["search", "search.toml", "--engine", "cpu", "--threads", "2", "--out", "a"]);
    assert!(stdout.contains("of 10 images") && stdout.contains("of 4 x 3"), "{stdout}");
    bwq_ok(d, &["search", "search.toml", "--engine", "cpu", "--threads", "1", "--out", "b"]);
    for file in FILES {
        assert!(std::fs::read(d.join("a").join(file)).expect(file) == std::fs::read(d.join("b").join(file)).expect(file), "{file} depends on threads");
    }
    bwq_ok(d, &["run", "a/sweep.toml", "--engine", "cpu", "--trials", "1", "--out", "run"]);
    let map = PrecisionMap::read(&d.join("a/precision_map.json")).expect("a map");
    assert_eq!([map.layers["c3"].len(), map.layers["c3"][0].len()], [1, 3], "3 rows of each group, 8 outputs of both");
}

/// At a price of next to nothing, the objective says what is cheap: the cheapest candidate of each has the fewest of its own.
#[test]
fn the_objective_is_what_is_made_small() {
    let [bits, operations] = ["bits", "ou-operations"].map(|objective| {
        let dir = tiny_folder("0.2", &format!("objective = \"{objective}\"\n"));
        bwq_ok(dir.path(), &["search", "search.toml", "--engine", "cpu", "--out", "a"]);
        let csv = dir.path().join("a/search.csv");
        let rows = column(&csv, "method").iter().zip(column(&csv, "keeps_budget")).map(|(m, k)| m == "block-wise" && k == "true").collect::<Vec<_>>();
        let own = if objective == "bits" { "mean_bits" } else { "ou_operations_per_image" };
        let least = |name: &str| column(&csv, name).iter().zip(&rows).filter(|(_, keeps)| **keeps).filter_map(|(v, _)| v.parse::<f64>().ok()).fold(f64::MAX, f64::min);
        let chosen = column(&dir.path().join("a/search_layers.csv"), own).last().and_then(|v| v.parse::<f64>().ok()).expect("a number");
        (chosen, least(own))
    });
    assert_eq!(bits.0, bits.1);
    assert_eq!(operations.0, operations.1);
}

/// Energy and time are those of `bwq cost` for the network and map that are written.
#[test]
fn what_is_made_small_by_the_cost_model_is_what_the_cost_model_says() {
    for objective in ["energy_pj", "latency_ns"] {
        let dir = tiny_folder("0.2", &format!("objective = \"{objective}\"\n[cost]\ncomponents = \"isaac\"\n"));
        bwq_ok(dir.path(), &["search", "search.toml", "--engine", "cpu", "--out", "a"]);
        let csv = dir.path().join("a/search.csv");
        let of = |name: &str| column(&csv, name);
        let kept = of("method").into_iter().zip(of("keeps_budget")).zip(of(objective)).filter(|((m, k), _)| *m == "block-wise" && k == "true").filter_map(|(_, v)| v.parse::<f64>().ok()).fold(f64::MAX, f64::min);
        // The hardware of the sweep's defaults: pairs of columns subtracted as currents, blocks of the OU.
        let set = ["weight_bits=7", "activation_bits=8", "signs=\"paired-analog\"", "mapping=\"precision-aware\"", "row_cut=\"block-aligned\"", "components=\"isaac\"", "adc_bits=5"];
        let set: Vec<String> = set.iter().map(|s| format!("cost.{s}")).collect();
        let mut args = vec!["cost", "--network", "a/network.json", "--precision-map", "a/precision_map.json", "--json"];
        set.iter().for_each(|s| args.extend(["--set", s]));
        let json: serde_json::Value = serde_json::from_str(&bwq_ok(dir.path(), &args)).expect("JSON");
        let cost = &json["prices"][0]["total"];
        assert!(cost[objective].as_f64().is_some_and(|said| (said / kept - 1.0).abs() < 1e-9), "{objective}: {kept}, and `bwq cost` says {cost}");
    }
    let dir = tiny_folder("0.2", "objective = \"energy_pj\"\n");
    let (code, _, stderr) = bwq(dir.path(), &["search", "search.toml", "--engine", "cpu"]);
    assert!(code == 2 && stderr.contains("components"), "{stderr}");
}

/// The layer-wise baseline can be had as a network, too: each layer has one number of bits, and it is the cheapest one in the table.
#[test]
fn the_layer_wise_network_is_written_where_it_is_asked_for() {
    let dir = tiny_folder("0.2", "method = \"layer-wise\"\n");
    let stdout = bwq_ok(dir.path(), &["search", "search.toml", "--engine", "cpu", "--out", "a"]);
    assert!(stdout.contains("chosen: layer-wise"), "{stdout}");
    let map: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(dir.path().join("a/precision_map.json")).expect("a map")).expect("JSON");
    for (layer, bits) in map["layers"].as_object().expect("layers") {
        let all: Vec<u64> = bits.as_array().expect("rows").iter().flat_map(|row| row.as_array().expect("a row")).filter_map(serde_json::Value::as_u64).collect();
        assert!(!all.is_empty() && all.iter().all(|b| *b == all[0]), "{layer}: {all:?}");
    }
    let csv = dir.path().join("a/search.csv");
    let of = |name: &str| column(&csv, name);
    let kept = of("method").into_iter().zip(of("keeps_budget")).zip(of("mean_bits")).filter(|((m, k), _)| m == "layer-wise" && k == "true").filter_map(|(_, b)| b.parse::<f64>().ok());
    let chosen = column(&dir.path().join("a/search_layers.csv"), "mean_bits").last().and_then(|v| v.parse::<f64>().ok());
    assert_eq!(chosen, kept.min_by(f64::total_cmp));
}

/// Chips have a say where a yield is asked for.
#[test]
fn chips_decide_where_a_yield_is_asked_for() {
    let run = |max_drop: &str, sigma: &str| {
        let dir = tiny_folder(max_drop, &format!("yield = 0.8\nconfidence = 0.8\n\n[device]\nprogramming_error = {{ law = \"lognormal\", sigma_ln = {sigma} }}\n"));
        let result = bwq(dir.path(), &["search", "search.toml", "--engine", "cpu", "--out", "a"]);
        (result, dir)
    };
    let ((code, stdout, stderr), dir) = run("0.2", "0.01");
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("keep the budget; yields of"), "{stdout}");
    assert!(column(&dir.path().join("a/search.csv"), "yield_verdict").iter().any(|v| v == "pass"));
    let ((code, stdout, stderr), dir) = run("0.0", "1.5");
    assert_eq!(code, 4, "{stdout}{stderr}");
    assert!(stdout.contains("no network keeps the budget") && !dir.path().join("a/precision_map.json").exists(), "{stdout}");
}

#[test]
fn slips_are_refused_with_a_hint() {
    let dir = search_folder("objectiv = \"bits\"\n");
    let (code, _, stderr) = bwq(dir.path(), &["search", "search.toml", "--engine", "cpu"]);
    assert!(code == 2 && stderr.contains("did you mean `objective`?"), "{stderr}");
    assert!(!Path::new(&dir.path().join("search-results")).exists());
}
