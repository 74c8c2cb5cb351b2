//! The hardware cost model against counts and energies made elsewhere, through the library and through the program.

mod support;

use bwq::config::cost::parse;
use bwq::config::RowCut;
use bwq::cost::blocks::Bits;
use bwq::cost::costed::{Costed, cost};
use bwq::cost::count::count;
use bwq::cost::designs;
use bwq::cost::price::Stages;
use bwq::cost::priced::price;
use bwq::cost::scheme::Scheme;
use bwq::cost::shape::{Builder, Layer, square};
use proptest::prelude::*;
use serde_json::Value;

/// The cost of what `[cost]` keys say.
fn costed(keys: &str) -> Costed {
    cost(&parse(&format!("[cost]\n{keys}"), "test", &[], &[]).unwrap_or_else(|e| panic!("{keys}: {e}"))).unwrap_or_else(|e| panic!("{keys}: {e}"))
}

/// conv 3x3, 64 -> 64 channels, 32 x 32 outputs.
fn l64() -> Layer {
    let mut net = Builder::new("l64", [64, 32, 32]);
    net.conv("L64", 64, square(3, 1, 1), 1, false).expect("fits");
    net.finish().expect("a layer").layers.remove(0)
}

/// The schemes of the golden counts: name, design, keys.
const SCHEMES: [(&str, &str); 8] = [
    ("a_isaac_128_2b_16_16", "design = \"isaac\"\n"),
    ("a8_128_2b_8_8", "design = \"isaac\"\nweight_bits = 8\nactivation_bits = 8\n"),
    ("a8_128_1b_8_8", "design = \"isaac\"\nweight_bits = 8\nactivation_bits = 8\ncell_bits = 1\n"),
    ("b_ou9x8_1b_8_8_physical", "design = \"bwq-h\"\nrow_cut = \"physical\"\n"),
    ("b_ou9x8_1b_8_8_block", "design = \"bwq-h\"\nrow_cut = \"block-aligned\"\n"),
    ("b16_ou9x8_1b_16_16_physical", "design = \"isaac-ou\"\n"),
    ("c_ou9x8_block_p2_a4", "design = \"bwq-h\"\nweight_bits = 2\nactivation_bits = 4\n"),
    ("c_ou9x8_physical_w2_a4", "design = \"bsq\"\nweight_bits = 2\nactivation_bits = 4\nrow_cut = \"physical\"\n"),
];

/// One layer's or the total's golden counts against ours, by the golden names.
fn compare(golden: &Value, ours: &bwq::cost::count::Counts, ous_per_position_and_step: u64, what: &str) {
    let cells = golden["xbars"].as_u64().expect("crossbars") * 128 * 128;
    for (name, value) in golden.as_object().expect("counts") {
        let mine = match name.as_str() {
            "name" => continue,
            "macs" => ours.macs,
            "xbars" => ours.crossbars,
            "xbar_reads" | "ou" => ours.ou_activations,
            "adc_conv" | "adc_conv_all" => ours.adc_conversions,
            "adc_conv_used" => ours.adc_conversions_used,
            "ou_cycles_seq" | "xbar_cycles_seq" => ours.cycles_sequential,
            "ou_per_pos_bit" => ous_per_position_and_step,
            "blocks" => ours.blocks,
            "lut_bits" => ours.table_bits,
            "lut_reads" => ours.table_reads,
            "util" => {
                assert_eq!(value.as_f64(), Some(ours.cells as f64 / cells as f64), "{what}: util");
                continue;
            }
            other => panic!("{what}: an unknown count `{other}`"),
        };
        assert_eq!(value.as_u64(), Some(mine), "{what}: {name}");
    }
}

/// Every count of the golden file: L64 and ResNet-20, eight schemes, each layer and the total.
#[test]
fn golden_counts() {
    let Some(path) = support::shared("cost/golden_counts.json") else { return };
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("readable")).expect("JSON");
    let mut compared = 0;
    for (scheme, keys) in SCHEMES {
        let resnet = costed(&format!("network = \"resnet20-cifar10\"\n{keys}"));
        let (load, counts) = count(&l64(), &resnet.layers[0].bits, &resnet.scheme);
        compare(&golden["L64"][scheme]["layers"][0], &counts, load.ous, &format!("L64 {scheme}"));
        compare(&golden["L64"][scheme]["total"], &counts, load.ous, &format!("L64 {scheme}, total"));
        let of = &golden["resnet20"][scheme];
        let layers = of["layers"].as_array().expect("layers");
        assert_eq!(layers.len(), resnet.layers.len());
        for (layer, ours) in layers.iter().zip(&resnet.layers) {
            assert_eq!(layer["name"], ours.layer.name, "{scheme}");
            compare(layer, &ours.counts, ours.load.ous, &format!("{scheme} {}", ours.layer.name));
            compared += 1;
        }
        compare(&of["total"], &resnet.total, resnet.layers.iter().map(|l| l.load.ous).sum(), &format!("{scheme}, total"));
    }
    assert_eq!(compared, 8 * 20);
    for net in ["L64", "resnet20"] {
        assert_eq!(golden[net].as_object().map(serde_json::Map::len), Some(SCHEMES.len()), "a scheme that nobody looks at");
    }
}

/// The worked example of a layer, without the golden file: OU activations, conversions, cycles, arrays.
#[test]
fn worked_example() {
    let table = [
        (SCHEMES[0].1, [327_680, 41_943_040, 16_384, 20]),
        (SCHEMES[3].1, [35_651_584, 285_212_672, 1_966_080, 20]),
        (SCHEMES[4].1, [33_554_432, 268_435_456, 1_835_008, 20]),
        (SCHEMES[5].1, [142_606_336, 1_140_850_688, 3_932_160, 40]),
        (SCHEMES[7].1, [4_456_448, 35_651_584, 983_040, 5]),
        (SCHEMES[6].1, [4_194_304, 33_554_432, 917_504, 5]),
    ];
    for (keys, wanted) in table {
        let scheme = costed(&format!("network = \"resnet20-cifar10\"\n{keys}")).scheme;
        let counts = count(&l64(), &Bits::Uniform(scheme.weight_bits), &scheme).1;
        assert_eq!([counts.ou_activations, counts.adc_conversions, counts.cycles_sequential, counts.crossbars], wanted, "{keys}");
    }
    let resnet = |keys: &str| costed(&format!("network = \"resnet20-cifar10\"\n{keys}")).total;
    let physical = resnet(SCHEMES[3].1);
    assert_eq!((physical.macs, physical.ou_activations, physical.crossbars, physical.cycles_sequential), (40_551_040, 38_273_664, 160, 15_876_736));
    assert_eq!(resnet(SCHEMES[4].1).ou_activations, 36_045_824);
    assert_eq!((resnet(SCHEMES[6].1).ou_activations, resnet(SCHEMES[6].1).crossbars), (4_505_728, 59));
}

/// What other simulators get wrong. 128 / 9 is no whole number of row groups: a physically cut crossbar has 15, the last of 2 rows.
#[test]
fn rows_are_neither_lost_nor_added() {
    let scheme = |cut| Scheme { row_cut: cut, ..Scheme::of(designs::find("isaac-ou").expect("a design"), true) };
    let mut net = Builder::new("n", [128, 1, 1]);
    net.linear("fc", 8, false);
    let fc = net.finish().expect("a layer").layers.remove(0);
    let (load, _) = count(&fc, &Bits::Uniform(1), &scheme(RowCut::Physical));
    assert_eq!((load.ous, load.ou_rows, load.crossbars), (15, 128, 1), "15 groups of 128 rows in all");
    let (load, _) = count(&fc, &Bits::Uniform(1), &scheme(RowCut::BlockAligned));
    assert_eq!((load.ous, load.ou_rows, load.crossbars), (15, 128, 2), "14 whole groups, and one in another crossbar");
    // Groups that hold no weights are not charged: 9 rows are one group of an array that has room for 15.
    let mut small = Builder::new("n", [9, 1, 1]);
    small.linear("fc", 8, false);
    let small = small.finish().expect("a layer").layers.remove(0);
    assert_eq!(count(&small, &Bits::Uniform(1), &scheme(RowCut::Physical)).0.ous, 1);
}

/// Padding counts: with it a 3x3 convolution has 32 x 32 positions, without it 30 x 30.
#[test]
fn padding_has_positions() {
    let positions = |pad| {
        let mut net = Builder::new("n", [64, 32, 32]);
        net.conv("c", 64, square(3, 1, pad), 1, false).expect("fits");
        net.finish().expect("a layer").layers[0].positions
    };
    assert_eq!([positions(1), positions(0)], [1024, 900]);
}

/// Bits per cell change the mapping, not only the price: 8-bit weights take half the columns in 2-bit cells.
#[test]
fn bits_of_a_cell_change_the_mapping() {
    let of = |cell_bits| costed(&format!("network = \"resnet18-cifar10\"\ndesign = \"isaac-ou\"\nweight_bits = 8\ncell_bits = {cell_bits}\n")).total;
    assert_eq!(of(1).adc_conversions_used, 2 * of(2).adc_conversions_used);
}

/// Every bundled network under every design: counts that are there, sums that are sums, no number that is none.
#[test]
fn every_network_on_every_design() {
    for bundled in bwq::cost::zoo::ZOO {
        for design in designs::DESIGNS {
            let made = costed(&format!("network = \"{}\"\ndesign = \"{}\"\nprecision_map = \"{}\"\n", bundled.name, design.name, if design.takes_map() { "synthetic" } else { "uniform" }));
            for (i, name) in bwq::cost::count::Counts::NAMES.iter().enumerate() {
                assert_eq!(made.layers.iter().map(|l| l.counts.values()[i]).sum::<u64>(), made.total.values()[i], "{name}");
            }
            let t = made.total;
            assert!(t.macs > 0 && t.adc_conversions_used <= t.adc_conversions && t.cycles_sequential <= t.ou_activations, "{} {}", bundled.name, design.name);
            assert!(made.mean_bits().is_finite());
        }
    }
}

/// Energies of the parts of layer1.0.conv1 of ResNet-18, which is L64, in uJ, and its latency in ms.
fn priced_l64(keys: &str, set: &str) -> (impl Fn(&str) -> f64, f64, f64) {
    let resnet = costed(&format!("network = \"resnet18-cifar10\"\n{keys}"));
    assert_eq!(resnet.layers[1].layer.macs(), l64().macs());
    let prices = price(&resnet, set, Stages::Overlap).expect("prices").sets.remove(0);
    let layer = prices.layers[1];
    (move |part: &str| layer.energy_pj.part(part).unwrap_or_else(|| panic!("{part}")) * 1e-6, layer.total_pj() * 1e-6, layer.latency_ns * 1e-6)
}

/// The whole way from a network's name to energy, against figures of others: PP_sim's constants, ISAAC's table, an event-driven
/// simulator's cycles, latencies of three simulators, and their energies, which lie 28-fold apart.
#[test]
fn energies_of_the_worked_example() {
    let near = |what: &str, found: f64, wanted: f64, tolerance: f64| {
        println!("{what}: {found:.4}, {wanted} within {tolerance}");
        assert!((found / wanted - 1.0).abs() <= tolerance, "{what}: {found}, not {wanted}");
    };
    let ou = "design = \"isaac-ou\"\nweight_bits = 8\nactivation_bits = 8\n";
    let (part, _, latency_ms) = priced_l64(ou, "ppsim");
    for (name, wanted) in [("adc", 50.135), ("array", 4.590), ("wordline_driver", 1.880), ("shift_add", 5.524)] {
        near(name, part(name), wanted, 0.005);
    }
    assert!((14.5 / 1.5..16.7 * 1.5).contains(&latency_ms), "{latency_ms} ms");
    near("cycles", costed(&format!("network = \"resnet18-cifar10\"\n{ou}")).layers[1].counts.cycles_sequential as f64, 1_984_386.0, 0.02);
    let (part, _, latency_ms) = priced_l64("design = \"isaac\"\n", "isaac");
    for (name, wanted) in [("adc", 65.54), ("array", 9.83), ("wordline_driver", 16.38), ("shift_add", 0.82), ("input_register", 5.08), ("output_register", 0.94)] {
        near(name, part(name), wanted, 0.005);
    }
    near("latency, ms", latency_ms, 1.638, 0.001);
    let totals: Vec<f64> = bwq::cost::components::BAND.iter().map(|set| priced_l64(ou, set).1).collect();
    println!("L64 under {:?}: {totals:?} uJ; others say 33, 77, 269 and 928", bwq::cost::components::BAND);
    assert!(totals.iter().all(|uj| (33.0..928.0).contains(uj)), "{totals:?}");
}

/// Parts sum to a layer's total, layers to the network's.
#[test]
fn energies_are_sums() {
    for (network, design) in [("resnet20-cifar10", "bwq-h"), ("mobilenetv2-cifar100", "isaac-ou"), ("densenet121-imagenet", "isaac")] {
        let made = costed(&format!("network = \"{network}\"\ndesign = \"{design}\"\n"));
        for set in price(&made, "band", Stages::Overlap).expect("prices").sets {
            let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-9 * b.abs() && b.is_finite(), "{network} {design} {}: {a} and {b}", set.set);
            for cost in set.layers.iter().chain([&set.total]) {
                near(cost.columns().map(|c| c.1).sum(), cost.total_pj());
            }
            near(set.layers.iter().map(|l| l.total_pj()).sum(), set.total.total_pj());
            near(set.layers.iter().map(|l| l.latency_ns).sum(), set.total.latency_ns);
            assert!(set.interval_ns <= set.total.latency_ns);
        }
    }
}

/// What an outside script relies on: the command, and the names in its JSON.
#[test]
fn the_command_for_scripts() {
    let dir = tempfile::tempdir().expect("a folder");
    let args = ["cost", "--network", "resnet18-cifar10", "--design", "bwq-h", "--weight-bits", "8", "--activation-bits", "8", "--cell-bits", "1", "--row-cut", "physical", "--json"];
    let text = support::bwq_ok(dir.path(), &args);
    let value: Value = serde_json::from_str(&text).expect("JSON");
    for name in ["macs", "crossbars", "ou_activations", "adc_conversions", "cycles_sequential", "table_bits"] {
        let total = value["total"][name].as_u64().unwrap_or_else(|| panic!("{name}"));
        let layers = value["layers"].as_array().expect("layers");
        assert_eq!(layers.iter().map(|l| l[name].as_u64().unwrap_or_else(|| panic!("{name}"))).sum::<u64>(), total, "{name}");
        assert!(total > 0, "{name}");
    }
    assert_eq!(value["total"]["macs"], 555_422_720u64);
    assert_eq!(value["total"]["table_bits"], 4 * 155_178, "4 bits for each of the blocks that were counted elsewhere");
    assert_eq!(value["layers"][1]["ou_activations"], 35_651_584u64);
    assert!(value["assumptions"].as_array().is_some_and(|all| all.iter().any(|a| a["name"] == "signs" && a["value"] == "not-counted")));
    // The same keys in a file.
    std::fs::write(dir.path().join("COST.toml"), "[cost]\nnetwork = \"resnet18-cifar10\"\ndesign = \"bwq-h\"\nweight_bits = 8\nactivation_bits = 8\ncell_bits = 1\nrow_cut = \"physical\"\nprecision_map = \"uniform\"\n").expect("written");
    let of_file: Value = serde_json::from_str(&support::bwq_ok(dir.path(), &["cost", "COST.toml", "--json"])).expect("JSON");
    assert_eq!(of_file["layers"], value["layers"]);
    let text = support::bwq_ok(dir.path(), &["cost", "--out", "out"]);
    assert!(text.contains("fashion_vgg6") && text.contains("This rests on:") && !text.contains("NaN"));
    for table in ["cost_layers", "cost_components", "cost_summary"] {
        assert!(dir.path().join(format!("out/{table}.provenance.json")).exists());
        let rows = csv::Reader::from_path(dir.path().join(format!("out/{table}.csv"))).expect("a table").records().collect::<Result<Vec<_>, _>>().expect("rows");
        assert!(!rows.is_empty());
    }
    assert_eq!(support::column(&dir.path().join("out/cost_layers.csv"), "layer").last().map(String::as_str), Some("all"));
}

/// A map made for another network is refused; one of this network is taken.
#[test]
fn maps_of_files() {
    let dir = tempfile::tempdir().expect("a folder");
    let map = |name: &str, layers: &[(&str, usize, usize)]| {
        let layers = layers.iter().map(|&(name, rows, columns)| (name.to_string(), vec![vec![2; columns]; rows])).collect();
        let text = serde_json::to_string(&bwq::quantize::PrecisionMap::new([9, 8], layers)).expect("JSON");
        std::fs::write(dir.path().join(name), text).expect("written");
    };
    let embedded = [("conv1", 1, 2), ("conv2", 16, 2), ("conv3", 16, 4), ("conv4", 32, 4), ("conv5", 32, 8), ("conv6", 64, 8), ("logits", 64, 2)];
    map("own.json", &embedded);
    let value: Value = serde_json::from_str(&support::bwq_ok(dir.path(), &["cost", "--precision-map", "own.json", "--json"])).expect("JSON");
    assert_eq!((value["total"]["mean_bits"].as_f64(), value["total"]["table_bits"].as_u64()), (Some(2.0), Some(4 * 1122)));
    map("short.json", &embedded[..6]);
    map("other.json", &[("layer1.0.conv1", 16, 2)]);
    for (arguments, part) in [
        (&["--precision-map", "short.json"][..], "no such layer"),
        (&["--precision-map", "other.json"], "the network has no such layer"),
        (&["--precision-map", "own.json", "--weight-bits", "1"], "cost.weight_bits allows 1"),
        (&["--precision-map", "own.json", "--design", "isaac"], "one number of bits"),
        (&["--design", "prime"], "bwq-h"),
        (&["--set", "cost.ou_wordlines=129"], "more than `cost.rows = 128`"),
        (&["--weight-bits", "-1"], "is not 1 to 16"),
        (&["--set", "cost.rows=nan"], "cost.rows"),
        (&["--set", "cost.adc_bits=3"], "need 4 bits"),
        (&["nowhere.toml"], "nowhere.toml"),
        (&["--components", "nonsense"], "no component set"),
        (&["--network", "resnet18-cifar11"], "did you mean"),
    ] {
        let (code, stdout, stderr) = support::bwq(dir.path(), &[&["cost"], arguments].concat());
        assert!(code == 2 && stdout.is_empty() && stderr.contains(part), "{arguments:?}: {code}\n{stderr}");
    }
}

/// A value of every key, sensible beside the others or not.
fn any_keys() -> impl Strategy<Value = String> {
    use bwq::config::key::Kind;
    let value = |key: &bwq::config::key::Key| -> BoxedStrategy<String> {
        let quoted = |words: &'static [&'static str]| prop::sample::select(words.to_vec()).prop_map(|w| format!("\"{w}\"")).boxed();
        match (key.name(), key.kind) {
            ("network", _) => prop::sample::select(vec!["\"embedded\"", "\"embedded-bwq-a\"", "\"resnet20-cifar10-b\"", "\"mobilenetv2-cifar10\""]).prop_map(String::from).boxed(),
            (_, Kind::Integer { min, max, words: [] }) => (min..=max).prop_map(|n| n.to_string()).boxed(),
            // Mostly small: with sides of thousands nothing is ever cut.
            (_, Kind::Integer { min, max, words }) => prop_oneof![(min..=max.min(40)), (min..=max.min(300)), (min..=max)].prop_map(|n| n.to_string()).boxed().prop_union(quoted(words)).boxed(),
            (_, Kind::Number { interval, words }) => (interval.min.max(0.001)..interval.max.min(9.0)).prop_map(|x| x.to_string()).boxed().prop_union(quoted(words)).boxed(),
            (_, Kind::Words { words } | Kind::Path { words }) => quoted(words),
            _ => any::<bool>().prop_map(|b| b.to_string()).boxed(),
        }
    };
    let lines: Vec<_> = bwq::config::cost::keys::KEYS.iter().map(|key| prop::option::weighted(0.4, value(key).prop_map(|v| format!("{} = {v}\n", key.name())))).collect();
    lines.prop_map(|lines| lines.into_iter().flatten().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    /// Whatever is asked for is counted or refused in words; counts fit together, and no sum overflows (this profile would panic).
    #[test]
    fn nothing_makes_it_panic(keys in any_keys()) {
        let Ok(config) = parse(&format!("[cost]\n{keys}"), "test", &[], &[]) else { return Err(TestCaseError::fail(keys)) };
        let made = match cost(&config) {
            Ok(made) => made,
            Err(e) => {
                prop_assert!(e.hint.is_some() && e.exit_code() == 2, "{}", e);
                return Ok(());
            }
        };
        let t = &made.total;
        prop_assert!(t.adc_conversions_used <= t.adc_conversions && t.cycles_sequential <= t.ou_activations);
        prop_assert!(t.cells <= t.crossbars * made.scheme.rows * made.scheme.cols);
        prop_assert!(made.pipeline.interval_cycles <= made.pipeline.cycles_sequential && made.pipeline.cycles_sequential <= t.cycles_sequential);
        prop_assert!(made.pipeline.crossbars >= t.crossbars);
        match price(&made, &config.components, config.layer_stages) {
            Ok(prices) => prop_assert!(prices.sets.iter().all(|p| p.total.total_pj().is_finite() && p.total.latency_ns.is_finite())),
            Err(e) => prop_assert!(e.hint.is_some(), "{}", e),
        }
    }
}
