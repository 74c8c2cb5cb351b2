//! SRE, SME and the comparison of designs, through the program and on whole networks.

mod support;

use bwq::config::cost::parse;
use bwq::cost::costed::{Costed, cost};
use bwq::cost::designs::DESIGNS;
use bwq::cost::priced::price;
use serde_json::Value;

fn costed(text: &str) -> Costed {
    cost(&parse(text, "c", &[], &[]).expect(text)).expect(text)
}

/// Parts sum to a layer's total and layers to the network's, on every design and under both readings of where bit planes are.
#[test]
fn everything_sums() {
    for design in DESIGNS {
        for planes in ["design", "in-parallel"] {
            let text = format!("[cost]\nnetwork = \"mobilenetv2-cifar10\"\ndesign = \"{}\"\nbit_planes = \"{planes}\"\n", design.name);
            let costed = costed(&text);
            let prices = price(&costed, "band", bwq::cost::price::Stages::Overlap).expect("prices");
            assert!(!prices.sets.is_empty(), "{text}");
            for priced in &prices.sets {
                let layers: f64 = priced.layers.iter().map(|l| l.total_pj()).sum();
                let parts: f64 = priced.total.columns().map(|(_, pj)| pj).sum();
                for sum in [layers, parts] {
                    assert!((sum / priced.total.total_pj() - 1.0).abs() < 1e-9, "{text} {}", priced.set);
                }
            }
        }
    }
}

/// Bit planes in crossbars of their own take as many OU activations, never more cycles, never fewer crossbars; and with one bit of
/// weights there is no difference.
#[test]
fn readings_differ_in_time_only() {
    for design in ["bwq-h", "bsq", "isaac-ou"] {
        for (bits, map) in [(8, "uniform"), (1, "uniform"), (8, "own")] {
            if map == "own" && design == "isaac-ou" {
                continue;
            }
            let text = format!("[cost]\ndesign = \"{design}\"\nweight_bits = {bits}\nprecision_map = \"{map}\"\n");
            let (turn, parallel) = (costed(&format!("{text}bit_planes = \"in-turn\"\n")), costed(&format!("{text}bit_planes = \"in-parallel\"\n")));
            assert_eq!(turn.total.table_bits, parallel.total.table_bits);
            if design != "isaac-ou" {
                assert_eq!(turn.total.ou_activations, parallel.total.ou_activations, "{text}");
            }
            assert!(parallel.total.cycles_sequential <= turn.total.cycles_sequential && parallel.total.crossbars >= turn.total.crossbars, "{text}");
            if bits == 1 {
                assert_eq!(turn.total, parallel.total, "{text}");
            }
        }
    }
}

/// L64 in bit planes: 16 planes of 5 crossbars; the fullest has 15 rows of OUs for 64 outputs, so 120 OUs for each of 1024 positions
/// and 16 input steps.
#[test]
fn bit_planes_of_l64() {
    let text = "[cost]\nnetwork = \"resnet18-cifar10\"\ndesign = \"isaac-ou\"\nbit_planes = \"in-parallel\"\n";
    let l64 = &costed(text).layers[1];
    assert_eq!((l64.counts.crossbars, l64.counts.cycles_sequential, l64.counts.ou_activations), (16 * 5, 1024 * 16 * 120, 142_606_336));
    assert_eq!(l64.load.row_bands, 16 * 5, "sums of planes are added like those of crossbars below each other");
}

/// On the network inside the program everything is measured: nothing of a share is assumed, and squeezing never adds.
#[test]
fn the_embedded_network_is_measured() {
    let value = |c: &Costed, name: &str| c.assumptions.iter().find(|a| a.name == name).map(|a| a.value.clone()).unwrap_or_default();
    let sre = costed("[cost]\ndesign = \"sre\"\n");
    assert!(value(&sre, "zero_rows").starts_with("counted on the network's weights") && value(&sre, "zero_inputs").starts_with("measured on the first 8 images"));
    let whole = costed("[cost]\ndesign = \"isaac-ou\"\n");
    assert!(sre.total.ou_activations < whole.total.ou_activations && sre.total.crossbars <= whole.total.crossbars && sre.total.table_bits > 0);
    let sme = costed("[cost]\ndesign = \"sme\"\n");
    let planes = costed("[cost]\ndesign = \"isaac-ou\"\nweight_bits = 8\nactivation_bits = 8\nbit_planes = \"in-parallel\"\n");
    assert!(sme.total.ou_activations < planes.total.ou_activations && sme.total.crossbars <= planes.total.crossbars);
    // A layer table has no weights: then the shares are there by name.
    let table = costed("[cost]\nnetwork = \"resnet18-cifar10\"\ndesign = \"sre\"\n");
    assert!(value(&table, "zero_rows").starts_with("assumed: one row in 3.3") && value(&table, "zero_inputs").starts_with("assumed: 0.34"));
    let none = costed("[cost]\nnetwork = \"resnet18-cifar10\"\ndesign = \"sre\"\nrow_compression = 1\nzero_input_frac = 0\n");
    let isaac = costed("[cost]\nnetwork = \"resnet18-cifar10\"\ndesign = \"isaac-ou\"\n");
    assert_eq!((none.total.ou_activations, none.total.cycles_sequential, none.total.crossbars), (isaac.total.ou_activations, isaac.total.cycles_sequential, isaac.total.crossbars));
}

#[test]
fn designs_beside_each_other() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("COST.toml"), "[cost]\nnetwork = [\"embedded\", \"embedded-bwq-a\"]\ndesign = [\"isaac-ou\", \"sre\", \"bwq-h\"]\nprecision_map = \"own\"\n").expect("written");
    let text = support::bwq_ok(dir.path(), &["cost", "COST.toml", "--out", "out"]);
    assert!(text.contains("against isaac-ou; no copies of layers") && !text.contains("NaN"));
    let table = dir.path().join("out/cost_comparison.csv");
    let (designs, speedups) = (support::column(&table, "design"), support::column(&table, "speedup"));
    assert_eq!(designs.len(), 2 * 3 * 4);
    for (design, speedup) in designs.iter().zip(&speedups) {
        let speedup: f64 = speedup.parse().expect("a number");
        assert!(if design == "isaac-ou" { speedup == 1.0 } else { speedup > 1.0 }, "{design} {speedup}");
    }
    assert_eq!(support::column(&dir.path().join("out/cost_means.csv"), "networks"), vec!["2"; 12]);
    for file in ["cost_comparison.svg", "cost_comparison.png", "cost_comparison.provenance.json"] {
        assert!(dir.path().join("out").join(file).exists(), "{file}");
    }
    let value: Value = serde_json::from_str(&support::bwq_ok(dir.path(), &["cost", "COST.toml", "--json"])).expect("JSON");
    assert_eq!(value["costs"].as_array().map(Vec::len), Some(6));
    support::bwq_ok(dir.path(), &["cost", "--out", "one"]);
    assert!(dir.path().join("one/cost_breakdown.svg").exists() && !dir.path().join("one/cost_comparison.csv").exists());
}

#[test]
fn nonsense_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    for (arguments, part) in [
        (&["--design", "sme", "--set", "cost.bit_planes=in-turn"][..], "different crossbars"),
        (&["--design", "sre", "--set", "cost.mapping=precision-aware"], "neighbouring columns"),
        (&["--design", "sre", "--set", "cost.groups=dense"], "groups"),
        (&["--design", "sre", "--set", "cost.packing=shared"], "packing"),
        (&["--set", "cost.packing=shared", "--set", "cost.bit_planes=in-parallel"], "each slice begins crossbars"),
        (&["--set", "cost.row_compression=2"], "squeezes no rows out"),
        (&["--design", "sre", "--set", "cost.row_compression=2"], "their zeros are counted"),
        (&["--design", "sre", "--set", "cost.zero_input_frac=0.5"], "beside images"),
        (&["--design", "sre", "--set", "cost.zero_input_frac=1"], "zero_input_frac"),
        (&["--design", "sre", "--set", "cost.row_compression=0.5"], "row_compression"),
        (&["--design", "sre", "--network", "resnet18-cifar10", "--set", "cost.dataset=nowhere"], "no weights that images could pass"),
        (&["--design", "sre", "--set", "cost.dataset=nowhere"], "nowhere"),
        (&["--design", "sre", "--set", "cost.table_entry_bits=6"], "one of 128 rows"),
        (&["--set", "cost.design=[\"sre\", \"sre\"]"], "twice"),
    ] {
        let (code, stdout, stderr) = support::bwq(dir.path(), &[&["cost"], arguments].concat());
        assert!(code == 2 && stdout.is_empty() && stderr.contains(part), "{arguments:?}: {code}\n{stderr}");
    }
}
