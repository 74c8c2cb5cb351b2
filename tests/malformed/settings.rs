//! Files of settings: sweeps, products, searches, Pareto fronts, costs, component sets, and the cells that a sweep names. What is
//! accepted is used: points are written out, a product computed, a cost counted and priced.

use super::mutations::of_text;
use super::trial::{Reader, try_out};
use bwq::config::{self, Overrides};
use bwq::cost::components::ComponentSet;
use bwq::cost::costed::cost;
use bwq::cost::events::Reading;
use bwq::cost::priced::price_as;
use bwq::mvm::{Operands, mvm};
use std::path::Path;

const SWEEP: &str = r#"# A sweep
[network]
model = "embedded"
images = 6
[quantization]
weight_bits = 8
activation_bits = [6, 8]
[crossbar]
ou_wordlines = { from = 8, to = 32, step = 8 }
rows = 128
cell_bits = 1
dac_bits = 1
encoding = ["differential", "offset"]
[adc]
bits = [5, "lossless"]
range = "full"
[device]
g_on_siemens = 1e-4
on_off_ratio = 100
programming_error = [{ law = "lognormal", sigma_ln = [0.05, 0.1] }, { law = "none" }]
read_noise = { law = "normal-independent", sigma_rel = 0.01 }
drift = { nu = 0.01 }
time_s = 1e3
stuck_at = { on_frac = 0.001, off_frac = 0.002 }
[monte_carlo]
trials = 4
seed = 7
max_drop = 0.01
"#;

fn of_file(dir: &Path, name: &str, file: &str, seeds: &[&str], share: f64, read: &dyn Fn(&Path) -> bwq::error::Result<()>) {
    let file = dir.join(file);
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|s| s.as_bytes().to_vec()).collect();
    try_out(&Reader { name, file: &file, folder: dir, seeds: &seeds, change: &of_text, read: &|| read(&file), share });
}

#[test]
fn sweeps() {
    let dir = tempfile::tempdir().unwrap();
    let of_sweep = bwq::config::template::sweep_toml(None);
    of_file(dir.path(), "sweep (TOML)", "sweep.toml", &[SWEEP, &of_sweep], 1.0, &|file| {
        let sweep = config::load(file, &Overrides::default())?;
        assert!(!sweep.points.is_empty());
        sweep.points.iter().take(3).for_each(|p| assert!(!p.columns().is_empty() && !p.canonical().is_empty()));
        Ok(())
    });
    let search = "[network]\nimages = 100\n[quantization]\nweight_bits = 9\n[crossbar]\nou_wordlines = 9\n[search]\nobjective = \"bits\"\n";
    of_file(dir.path(), "search (TOML)", "search.toml", &[search], 0.4, &|file| config::search::load(file, &Overrides::default()).map(drop));
    let pareto = include_str!("../../src/cli/pareto.toml");
    of_file(dir.path(), "Pareto front (TOML)", "pareto.toml", &[pareto], 0.4, &|file| config::pareto::load(file, &Overrides::default(), Default::default()).map(drop));
}

/// A product of two small matrices under whatever settings are accepted.
#[test]
fn products() {
    let dir = tempfile::tempdir().unwrap();
    let seed = "[quantization]\nweight_bits = 5\nactivation_bits = 4\n[crossbar]\nou_wordlines = 9\nrows = 32\ncols = 32\ncell_bits = 1\ndac_bits = 1\nencoding = \"differential\"\n[adc]\nbits = 4\n[device]\n\
        on_off_ratio = 50\nfraction_bits = 12\nprogramming_error = { law = \"lognormal\", sigma_ln = 0.1, clip = false }\nread_noise = { law = \"normal-independent\", sigma_rel = 0.01 }\n\
        stuck_at = { on_frac = 0.01, off_frac = 0.01 }\n[monte_carlo]\ntrials = 2\nseed = 1\n";
    let other = "[quantization]\nweight_bits = 4\nactivation_bits = 4\n[crossbar]\nencoding = \"offset\"\noffset_removal = \"unit-column\"\nou_wordlines = 16\nrows = 32\n[adc]\nbits = 6\nrange = [-9, 9]\n\
        offset_sigma_steps = 0.5\ngain_sigma_rel = 0.01\n[device]\nprogramming_error = { law = \"write-verify\", sigma_rel = 0.05, tolerance_rel = 0.02, attempts = 5 }\ndrift = { nu = 0.05 }\ntime_s = 1000\n";
    of_file(dir.path(), "product (TOML)", "mvm.toml", &[seed, other], 0.3, &|file| {
        let point = config::load_mvm(file, &Overrides { trials: Some(1), ..Overrides::default() })?;
        let operands = Operands { shape: [3, 20], weights: (0..60).map(|i| i % 3 - 1).collect(), vectors: 2, inputs: (0..40).map(|i| i % 2).collect(), conductances: None, pre_adc: true, kernel: None };
        // What the device and the layout refuse is named by its key.
        if let Ok(products) = mvm(&point, &operands) {
            assert!(products.outputs.len() == 6 && products.outputs.iter().all(|x| x.is_finite()), "{:?}", products.outputs);
        }
        Ok(())
    });
}

#[test]
fn costs() {
    let dir = tempfile::tempdir().unwrap();
    let seed = "[cost]\nnetwork = \"embedded-bwq-a\"\ndesign = \"bwq-h\"\nweight_bits = 8\nactivation_bits = 8\nrows = 128\ncols = 128\nou_wordlines = 9\nou_bitlines = 8\ncell_bits = 1\ndac_bits = 1\n\
        row_cut = \"physical\"\nadc_bits = \"lossless\"\narrays = \"own\"\nseed = 3\ncomponents = \"isaac\"\n";
    let other = "[cost]\nnetwork = \"resnet20-cifar10\"\ndesign = [\"isaac\", \"sre\"]\nprecision_map = \"synthetic\"\nmean_bits = 3.5\narrays = 900\narea_mm2 = \"own\"\ngroups = \"diagonal\"\n";
    of_file(dir.path(), "cost (TOML)", "cost.toml", &[seed, other], 0.2, &|file| {
        for config in config::cost::load_all(file_of(file), &[], &[])? {
            let costed = cost(&config)?;
            for set in price_as(&costed, &config)?.sets {
                assert!(set.total.total_pj().is_finite() && set.total.latency_ns.is_finite());
            }
        }
        Ok(())
    });
}

fn file_of(file: &Path) -> Option<&Path> {
    Some(file)
}

#[test]
fn component_sets() {
    let dir = tempfile::tempdir().unwrap();
    let [isaac, survey] = [include_str!("../../components/isaac.toml"), include_str!("../../components/adc-survey.toml")];
    of_file(dir.path(), "component set (TOML)", "mine.toml", &[isaac, survey], 0.5, &|file| {
        let set = ComponentSet::read(file)?;
        let reading = Reading { adc_bits: 8, conversions_per_adc: 128, pipelined: true, wordlines_on: 9 };
        let prices = set.prices(&reading)?;
        assert!(prices.ou_cycle_ns.is_finite() && prices.parts.iter().all(|p| p.area_um2.is_finite() && p.event_pj.iter().all(|e| e.is_finite())));
        Ok(())
    });
}

#[test]
fn measured_cells() {
    let dir = tempfile::tempdir().unwrap();
    let sweep = dir.path().join("sweep.toml");
    let text = "[quantization]\nweight_bits = 4\nactivation_bits = 4\n[crossbar]\nou_wordlines = 9\nrows = 32\n[device]\nprogramming_error = { law = \"table\", file = \"cells.csv\" }\n";
    std::fs::write(&sweep, text.replace("cells.csv", &dir.path().join("cells.csv").to_string_lossy())).unwrap();
    let samples: String = (0..40).map(|i| format!("{},{}e-6\n", i % 2, if i % 2 == 0 { 1.0 + 0.01 * f64::from(i) } else { 90.0 + f64::from(i) })).collect();
    let quantiles = "level,probability,conductance_siemens\n0,0.1,1e-6\n0,0.9,2e-6\n1,0.1,9e-5\n1,0.5,1e-4\n1,0.9,1.1e-4\n";
    of_file(dir.path(), "measured cells (CSV)", "cells.csv", &[&format!("level,conductance_siemens\n{samples}"), quantiles], 0.5, &|_| {
        let point = config::load_mvm(&sweep, &Overrides { trials: Some(1), ..Overrides::default() })?;
        let operands = Operands { shape: [1, 9], weights: vec![1; 9], vectors: 1, inputs: vec![1; 9], conductances: None, pre_adc: false, kernel: None };
        assert!(mvm(&point, &operands)?.outputs[0].is_finite());
        Ok(())
    });
}
