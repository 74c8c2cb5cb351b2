//! What a results folder holds: blocks, the manifest, references, logs of runs, tables with their provenance. Each file in turn is
//! changed, and read by all that reads it: `merge`, `status`, `report`, `plot`.

use super::mutations::{of_json, of_text};
use super::support::{bwq, bwq_ok, folder_with_network};
use super::trial::{Reader, try_out};
use bwq::error::Result;
use bwq::report::page::page;
use bwq::report::{TABLES, plot, provenance};
use bwq::rng::PhiloxStream;
use bwq::sweep::block::Block;
use bwq::sweep::manifest::{Manifest, ManifestPoint};
use bwq::sweep::merge::{merge, progress};
use rand::RngExt;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const SWEEP: &str = "[network]\nmodel = \"net.json\"\ndataset = \"data\"\nimages = 6\n[crossbar]\nou_wordlines = [9, 20]\nrows = 32\n[adc]\nbits = 4\n[device]\n\
    programming_error = { law = \"lognormal\", sigma_ln = 0.3 }\n[monte_carlo]\ntrials = 18\n";

/// A finished sweep in `out`, merged.
fn finished() -> tempfile::TempDir {
    let dir = folder_with_network(SWEEP, 6);
    bwq_ok(dir.path(), &["run", "sweep.toml", "--engine", "cpu", "--out", "out", "--quiet"]);
    bwq_ok(dir.path(), &["merge", "out"]);
    dir
}

fn first(folder: PathBuf) -> PathBuf {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    all.remove(0)
}

fn try_file(name: &str, out: &Path, file: &Path, share: f64, change: &dyn Fn(&[u8], &mut PhiloxStream) -> Vec<u8>, read: &dyn Fn() -> Result<()>) {
    let seeds = [std::fs::read(file).unwrap()];
    try_out(&Reader { name, file, folder: out, seeds: &seeds, change, read, share });
}

/// `merge` and the rows of its tables.
fn merged(out: &Path) -> Result<()> {
    let merged = merge(out, true)?;
    TABLES.iter().for_each(|table| drop((table.rows)(&merged.points)));
    Ok(())
}

/// Half of the changed blocks have a checksum that fits.
fn of_block(valid: &[u8], rng: &mut PhiloxStream) -> Vec<u8> {
    let bytes = of_json(valid, rng);
    match serde_json::from_slice::<Block>(&bytes) {
        Ok(b) if rng.random() => serde_json::to_vec(&Block::new(b.point, b.host_hash, b.block, b.engine, b.trials)).unwrap(),
        _ => bytes,
    }
}

#[test]
fn blocks_and_what_stands_beside_them() {
    let dir = finished();
    let out = &dir.path().join("out");
    try_file("block", out, &first(out.join("blocks")), 0.5, &of_block, &|| merged(out));
    try_file("references", out, &first(out.join("references")), 0.5, &of_json, &|| merged(out));
    try_file("manifest", out, &out.join("manifest.json"), 0.5, &of_json, &|| {
        let manifest = Manifest::read(out)?;
        assert_eq!(progress(out, &manifest).len(), manifest.points.len());
        merged(out)
    });
    let manifest = Manifest::read(out).unwrap();
    let points: Vec<&ManifestPoint> = manifest.points.iter().collect();
    try_file("log of a run", out, &first(out.join("runs")), 0.3, &of_json, &|| provenance::text(out, &points, &BTreeSet::new(), 0).map(drop));
}

/// Folders of the commands that are no sweep, and a training's of the repository, with the tables and provenance that a page is made of.
#[test]
fn tables_of_other_commands() {
    let dir = folder_with_network(SWEEP, 6);
    let d = dir.path();
    let one = "crossbar.ou_wordlines=9";
    bwq_ok(d, &["explain", "sweep.toml", "--engine", "cpu", "--out", "explain", "--trials", "2", "--quiet"]);
    bwq(d, &["check", "sweep.toml", "--engine", "cpu", "--out", "check", "--yield", "0.5", "--trials", "20", "--quiet"]);
    bwq_ok(d, &["cost", "--network", "net.json", "--out", "cost", "--quiet", "--set", "cost.design=[\"isaac-ou\", \"bwq-h\"]"]);
    std::fs::write(d.join("pareto.toml"), format!("{SWEEP}[cost]\ncomponents = \"isaac\"\n[pareto]\nmean_chips = 2\n")).unwrap();
    bwq(d, &["pareto", "pareto.toml", "--engine", "cpu", "--out", "pareto", "--quiet", "--set", one]);
    std::fs::create_dir(d.join("train")).unwrap();
    for file in ["train.provenance.json", "curve.csv", "layers.csv"] {
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("results/bwq_a/resnet20").join(file), d.join("train").join(file)).unwrap();
    }
    let tables = [
        ("explain", &["explain.csv", "explain_layers.csv"][..]),
        ("check", &["check.csv"]),
        ("cost", &["cost_summary.csv", "cost_layers.csv", "cost_components.csv", "cost_comparison.csv", "cost_means.csv"]),
        ("pareto", &["pareto.csv", "pareto_sets.csv"]),
        ("train", &["curve.csv", "layers.csv"]),
    ];
    for (command, files) in tables {
        let out = &d.join(command);
        let read = || page(out).map(|page| assert!(page.html.ends_with("</html>\n")));
        for file in files {
            try_file(file, out, &out.join(file), 0.05, &of_text, &read);
        }
        let provenance = if command == "train" { "train.provenance.json".into() } else { files[0].replace(".csv", ".provenance.json") };
        try_file(&format!("provenance of {command}"), out, &out.join(provenance), 0.05, &of_json, &read);
    }
}

#[test]
fn tables() {
    let dir = finished();
    let out = &dir.path().join("out");
    let read = || page(out).map(|page| assert!(page.html.ends_with("</html>\n")));
    for (name, file) in [("summary.csv", "summary.csv"), ("layers.csv", "layers.csv"), ("trials.csv", "trials.csv"), ("differences.csv", "differences.csv")] {
        try_file(name, out, &out.join(file), 0.15, &of_text, &read);
    }
    try_file("provenance", out, &out.join("summary.provenance.json"), 0.15, &of_json, &read);
    try_file("summary.csv (plot)", out, &out.join("summary.csv"), 0.02, &of_text, &|| plot::plot(out).map(drop));
}
