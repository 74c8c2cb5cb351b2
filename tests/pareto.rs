//! `bwq pareto`: what is charged is what is simulated; from file to files; what is refused.

mod support;

use bwq::config::Overrides;
use bwq::config::pareto::{Asked, Pareto, parse};
use bwq::cost::costed::cost_of;
use bwq::cost::network;
use bwq::engine::Plan;
use bwq::pareto::on_hardware::configuration;
use bwq::pareto::price::Pricing;
use bwq::sweep::materials::Materials;
use bwq::sweep::references::plan_of;
use serde_json::{Value, json};
use std::path::Path;
use support::{bwq, column};

/// At 9 and 16 wordlines every chip keeps the accuracy on these images, at 32 hardly one does; 32 is the cheapest.
const QUESTION: &str = r#"
[network]
images = 10

[crossbar]
ou_wordlines = [9, 16, 32]

[adc]
bits = 6

[device]
programming_error = { law = "lognormal", sigma_ln = 0.05 }

[monte_carlo]
max_drop = 0.1

[pareto]
yield = 0.9
confidence = 0.9
mean_chips = 4
"#;

/// The tiny network with a map whose blocks have 0 to 7 bits: layers, and the rows and outputs of their matrices.
const LAYERS: [(&str, usize, usize); 4] = [("c1", 9, 6), ("c2", 54, 6), ("c3", 3, 8), ("fc", 14, 10)];

fn write_map(path: &Path) {
    let bits = |layer: usize, row: usize, column: usize| (layer * 5 + row * 3 + column * 2 + 1) % 8;
    let layers: serde_json::Map<String, Value> = LAYERS
        .iter()
        .enumerate()
        .map(|(l, &(name, rows, outputs))| {
            let rows: Vec<Vec<usize>> = (0..rows.div_ceil(9)).map(|r| (0..outputs.div_ceil(8)).map(|c| bits(l, r, c)).collect()).collect();
            (name.to_string(), json!(rows))
        })
        .collect();
    std::fs::write(path, json!({"format": "bwq-precision-map-1", "block": [9, 8], "layers": layers}).to_string()).expect("written");
}

fn question(text: &str) -> Pareto {
    parse(text, "pareto.toml", &Overrides::default(), Asked::default()).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Conversions of an image by the engine, and those of reference columns among them.
fn of_engine(plan: &Plan) -> [u64; 2] {
    let positions = plan.network.matrices().flat_map(|(_, m)| &m.parts).map(|p| p.window.positions() as u64);
    let of_reference = plan.layers.iter().flatten().zip(positions).filter(|(p, _)| p.crossbar.planes.reference_column);
    let reference = of_reference.map(|(p, positions)| p.crossbar.planes.slices as u64 * p.crossbar.groups.len() as u64 * u64::from(p.crossbar.input_steps) * positions);
    [plan.conversions_per_image(), reference.sum()]
}

/// The engine's conversions are those of bitlines that hold weights in the cost model, for OU heights and widths, row cuts, encodings, bits of
/// cells and inputs, with and without a map; but for what holds offsets, of which each has its own.
#[test]
fn conversions_are_those_of_the_engine() {
    let dir = tempfile::tempdir().expect("a folder");
    support::tiny::write(dir.path(), 4);
    write_map(&dir.path().join("map.json"));
    let path = |name: &str| dir.path().join(name).display().to_string();
    let encodings = ["encoding = \"differential\"", "subtraction = \"digital\"", "encoding = \"offset\"", "encoding = \"offset\"\noffset_removal = \"unit-column\""];
    let (mut compared, mut idle) = (0, 0);
    for encoding in encodings {
        for row_cut in ["block-aligned", "physical"] {
            for map in ["uniform".to_string(), path("map.json")] {
                if map != "uniform" && encoding.contains("offset") {
                    continue; // offset weights have no magnitude
                }
                let text = format!(
                    "[network]\nmodel = \"{}\"\ndataset = \"{}\"\nimages = 4\n[quantization]\nactivation_bits = 5\nprecision_map = \"{map}\"\n[crossbar]\nrows = 32\ncols = 40\nou_wordlines = [3, 9, 16, 32]\nou_bitlines = [4, 8]\ncell_bits = [1, 2]\ndac_bits = [1, 2]\nrow_cut = \"{row_cut}\"\n{encoding}\n",
                    path("net.json"), path("data")
                );
                let asked = question(&text);
                let mut materials = Materials::default();
                let mut pricing = Pricing::new(&asked.cost);
                for point in &asked.sweep.points {
                    let (network, material) = (materials.quantized(point).expect("quantised"), materials.of(point).expect("read"));
                    let plan = plan_of(point, &network, &material).expect("a plan");
                    let [engine, reference] = of_engine(&plan);
                    let cost = pricing.cost(point, &mut materials).expect("a cost");
                    let subject = network::of(&material.network, material.folded.clone()).expect("layers");
                    let costed = cost_of(&configuration(point, &asked.cost).expect("a configuration"), &subject).expect("counts");
                    let offsets: u64 = costed.layers.iter().map(|l| l.load.offset_columns * l.layer.positions * costed.scheme.input_steps()).sum();
                    let what = format!("{encoding} {row_cut} {map} {:?}", point.crossbar);
                    assert_eq!(engine - reference, cost.adc_conversions_used - offsets, "{what}");
                    assert!((offsets > 0) == encoding.contains("unit") && (reference > 0) == (offsets > 0), "{what}");
                    assert!(cost.adc_conversions >= cost.adc_conversions_used, "{what}");
                    let used = plan.layers.iter().flatten().next().and_then(|p| p.crossbar.conversion.bits(p.crossbar.sums.signed));
                    assert_eq!(used, Some(cost.adc_bits), "{what}: bits of the converter");
                    compared += 1;
                    idle += u64::from(cost.adc_conversions > cost.adc_conversions_used);
                }
            }
        }
    }
    assert_eq!(compared, 12 * 32);
    assert!(idle > 0, "outputs that are no multiple of ou_bitlines leave bitlines idle");
}

/// Where outputs are multiples of `ou_bitlines` no bitline is idle: the engine's conversions are what is charged.
#[test]
fn without_idle_bitlines_all_conversions_are_charged() {
    let asked = question("[network]\nimages = 1\nmodel = \"embedded-bwq-a\"\n[quantization]\nprecision_map = \"embedded-bwq-a\"\n[crossbar]\nou_wordlines = [9, 25, 64]\nou_bitlines = [1, 2]\n");
    let (mut materials, mut pricing) = (Materials::default(), Pricing::new(&asked.cost));
    for point in &asked.sweep.points {
        let network = materials.quantized(point).expect("quantised");
        let plan = plan_of(point, &network, &materials.of(point).expect("read")).expect("a plan");
        let cost = pricing.cost(point, &mut materials).expect("a cost");
        assert_eq!((plan.conversions_per_image(), cost.adc_conversions_used), (cost.adc_conversions, cost.adc_conversions));
    }
}

fn folder(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("pareto.toml"), text).expect("written");
    dir
}

fn ask(dir: &Path, more: &[&str]) -> (i32, String, String) {
    bwq(dir, &[&["pareto", "pareto.toml", "--engine", "cpu"][..], more].concat())
}

#[test]
fn from_a_question_to_the_cheapest_that_passes() {
    let dir = folder(QUESTION);
    let d = dir.path();
    let (code, stdout, stderr) = ask(d, &[]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let out = d.join("pareto-results");
    let of = |name: &str| column(&out.join("pareto.csv"), name);
    assert_eq!(of("ou_wordlines"), ["9", "16", "32"]);
    assert_eq!(of("verdict"), ["pass", "pass", "fail"]);
    assert_eq!(of("mean_chips"), ["4"; 3], "a verdict that stops early does not shorten the mean");
    assert_eq!(of("chips")[..2], ["29", "29"]);
    let energy: Vec<f64> = of("energy_min_pj").iter().map(|t| t.parse().expect("a number")).collect();
    assert!(energy[2] < energy[1] && energy[1] < energy[0], "{energy:?}");
    assert!(stdout.contains("cheapest that passes, by energy_pj under isaac, ppsim, adc-survey, neurosim-sar: ou_wordlines 16"), "{stdout}");
    assert!(stdout.contains("beside the same in OUs of 9 x 8 with a lossless converter of 5 bits, which is not among the points"), "{stdout}");
    // 32 is the cheapest, so nothing takes it off the front, whatever its chips; the table of sets says the same.
    assert_eq!(of("on_front")[2], "true");
    assert_eq!(of("on_front_sets")[2], of("sets_priced")[2]);
    let sets = out.join("pareto_sets.csv");
    assert_eq!(column(&sets, "components").len(), 12);
    assert_eq!(column(&sets, "on_front").iter().filter(|v| *v == "true").count(), of("on_front_sets").iter().map(|n| n.parse::<usize>().expect("a number")).sum::<usize>());
    for name in ["pareto.svg", "pareto.png", "pareto.json", "pareto.provenance.json", "pareto_sets.provenance.json"] {
        assert!(out.join(name).exists(), "{name}");
    }
    // Again, with other threads: nothing is computed, and the same bytes come out.
    let bytes = |name: &str| std::fs::read(out.join(name)).expect("there");
    let before = ["pareto.csv", "pareto_sets.csv", "pareto.json", "pareto.svg"].map(bytes);
    let (_, again, stderr) = ask(d, &["--threads", "1"]);
    assert!(stderr.contains("0 blocks made"), "{stderr}");
    assert_eq!((again, ["pareto.csv", "pareto_sets.csv", "pareto.json", "pareto.svg"].map(bytes)), (stdout, before));
    // `run` counts the same conversions, on the same blocks.
    let (code, _, stderr) = bwq(d, &["run", "sweep.toml", "--out", "pareto-results", "--engine", "cpu", "--trials", "4"]);
    assert_eq!(code, 2, "no such file: {stderr}");
    std::fs::write(d.join("sweep.toml"), QUESTION.split("[pareto]").next().expect("a part")).expect("written");
    let (code, _, stderr) = bwq(d, &["run", "sweep.toml", "--out", "pareto-results", "--engine", "cpu", "--trials", "4"]);
    assert!(code == 0 && stderr.contains("0 blocks made"), "{stderr}");
    let per_image: Vec<u64> = of("conversions_per_image").iter().map(|t| t.parse().expect("a number")).collect();
    let run: Vec<u64> = column(&out.join("summary.csv"), "conversions").iter().map(|t| t.parse::<u64>().expect("a number") / (4 * 10)).collect();
    assert_eq!(run, per_image);
}

#[test]
fn dominated_points_are_left_without_chips_and_said_so() {
    let dir = folder(&format!("{QUESTION}skip_dominated = true\nminimize = [\"energy_pj\", \"latency_ns\"]\n"));
    let (code, stdout, stderr) = ask(dir.path(), &["--json"]);
    assert_eq!(code, 0, "{stderr}");
    let json: Value = serde_json::from_str(&stdout).expect("JSON");
    let points = json["points"].as_array().expect("points");
    let verdicts: Vec<&str> = points.iter().filter_map(|p| p["verdict"].as_str()).collect();
    assert_eq!((verdicts, &points[0]["on_chips"]), (vec!["skipped", "pass", "fail"], &Value::Null));
    assert_eq!(points[0]["skipped_for"], points[1]["config_hash"]);
    assert!(json["knees"].as_array().expect("knees").iter().all(|k| k["config_hash"] == points[1]["config_hash"]));
    let (_, stdout, _) = ask(dir.path(), &[]);
    assert!(stdout.contains("1 points were left without chips"), "{stdout}");
}

/// No point passes: 4 where each is shown not to, 3 where the chips allowed do not tell. From the float accuracy the bar is another.
#[test]
fn the_exit_code_tells_whether_any_passes() {
    let dir = folder(QUESTION);
    let (code, stdout, _) = ask(dir.path(), &["--set", "crossbar.ou_wordlines=32"]);
    assert!(code == 4 && stdout.contains("no point has been shown to keep the accuracy"), "{stdout}");
    let (code, _, stderr) = ask(dir.path(), &["--set", "crossbar.ou_wordlines=9", "--trials", "8"]);
    assert!(code == 3 && stderr.contains("at most 8 chips cannot show that yield"), "{stderr}");
    let (code, stdout, stderr) = ask(dir.path(), &["--set", "crossbar.ou_wordlines=9", "--set", "pareto.drop_from=float", "--yield", "0.5", "--confidence", "0.8"]);
    assert!(code == 0 && stdout.contains("against the highest float accuracy"), "{stdout}{stderr}");
}

#[test]
fn nonsense_is_refused() {
    let dir = folder(QUESTION);
    let refused = |more: &[&str], words: &str| {
        let (code, stdout, stderr) = ask(dir.path(), more);
        assert!(code == 2 && stdout.is_empty() && stderr.contains(words), "{more:?}: {code} {stderr}");
        assert!(!dir.path().join("pareto-results/blocks").exists(), "{more:?}: before any chip");
    };
    refused(&["--set", "cost.ou_wordlines=9"], "each point says it, by `crossbar.ou_wordlines`");
    refused(&["--set", "adc.bits=ideal"], "no price");
    refused(&["--set", "crossbar.digital_layers=first"], "no price");
    refused(&["--set", "cost.design=prime"], "cost.design");
    refused(&["--set", "cost.components=nowhere.toml"], "nowhere.toml");
    refused(&["--set", "cost.design=isaac", "--set", "network.model=embedded-bwq-a", "--set", "quantization.precision_map=embedded-bwq-a"], "one number of bits");
    refused(&["--set", "crossbar.ou_wordlines=200"], "ou_wordlines");
    refused(&["--yield", "1"], "pareto.yield");
    refused(&["--set", "pareto.mean_chips=100000000"], "mean_chips");
    refused(&["--set", "crossbar.ou_bitlines=100"], "ou_bitlines");
}
