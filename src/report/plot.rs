//! Figures from a folder's `summary.csv`: accuracy against active wordlines, as SVG and PNG.
//!
//! One way through: `table` reads the CSV, `select` decides what becomes axis, line and figure,
//! `draw` turns a figure into a scene of lines and text (`axes`, `pen`), and this module writes it.
//! Only the last step (scene to SVG text or pixels) is a library's; axes, ticks and legend are ours, so
//! that ticks stand at the values simulated and the same CSV gives the same bytes.

pub(super) mod axes;
pub mod blocks;
pub mod budgets;
pub mod costs;
mod draw;
mod pen;
pub mod pareto;
pub(super) mod select;
pub(super) mod table;
pub mod trade_off;

use crate::error::{Error, Result};
use crate::sweep::atomic;
use kuva::RasterBackend;
use kuva::backend::svg::SvgBackend;
use kuva::render::render::Scene;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Pixels of the PNG per unit of the figure: some 1900 pixels wide, 300 dpi at two columns.
const PNG_SCALE: f32 = 3.0;

/// Draws the figures of `dir/summary.csv` into `dir` and returns their paths, SVG before PNG.
///
/// Accuracy stands against `ou_wordlines`, a line per programming error, in
/// `accuracy_vs_ou_wordlines.svg` and `.png`. Where other parameters vary too, there is a figure for
/// each combination, named after it (`accuracy_vs_ou_wordlines_adc_bits_4.svg`). With one
/// `ou_wordlines` only, the first parameter that varies takes its place.
pub fn plot(dir: &Path) -> Result<Vec<PathBuf>> {
    let figures = figures(dir)?;
    let mut paths = Vec::new();
    for (figure, [svg, png]) in figures.iter().zip(paths_of(dir, &figures)) {
        render(&svg, &png, &draw::scene(figure))?;
        paths.extend([svg, png]);
    }
    Ok(paths)
}

/// Writes a scene as `stem.svg` and `stem.png`; returns the files.
fn save(out: &Path, stem: &str, scene: &Scene) -> Result<Vec<PathBuf>> {
    let [svg, png] = ["svg", "png"].map(|ending| out.join(format!("{stem}.{ending}")));
    render(&svg, &png, scene)?;
    Ok(vec![svg, png])
}

fn render(svg: &Path, png: &Path, scene: &Scene) -> Result<()> {
    atomic::write(svg, SvgBackend::new().with_pretty(true).render_scene(scene).as_bytes())?;
    let pixels = RasterBackend::new().with_scale(PNG_SCALE).render_scene(scene);
    atomic::write(png, &pixels.map_err(|e| Error::internal(format!("{}: {e}", png.display())))?)
}

/// The files that [`plot`] makes of the `dir/summary.csv` that is there now; none if it cannot be read.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    figures(dir).map_or_else(|_| Vec::new(), |figures| paths_of(dir, &figures).flatten().collect())
}

/// Removes those of the figures `before` that are not among `now`: what a former table was drawn in. Returns them.
pub fn remove_former(before: Vec<PathBuf>, now: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let is_file = |path: &PathBuf| path.symlink_metadata().is_ok_and(|m| m.is_file());
    let former: Vec<PathBuf> = before.into_iter().filter(|path| !now.contains(path) && is_file(path)).collect();
    former.iter().try_for_each(|path| fs::remove_file(path).map_err(|e| Error::io(path, "remove", &e)))?;
    Ok(former)
}

fn figures(dir: &Path) -> Result<Vec<select::Figure>> {
    select::figures(&table::read(&dir.join("summary.csv"))?)
}

/// SVG and PNG of each figure.
fn paths_of(dir: &Path, figures: &[select::Figure]) -> impl Iterator<Item = [PathBuf; 2]> {
    let mut taken = HashSet::new();
    let names: Vec<String> = figures.iter().map(|figure| unique(&figure.name, &mut taken)).collect();
    names.into_iter().map(|name| ["svg", "png"].map(|ending| dir.join(format!("{name}.{ending}"))))
}

/// A file name for `wanted`: short enough for any file system, and different from those before.
fn unique(wanted: &str, taken: &mut HashSet<String>) -> String {
    const LONGEST: usize = 150;
    let stem: String = wanted.chars().take(LONGEST).collect();
    let mut name = stem.clone();
    let mut count = 1;
    while !taken.insert(name.clone()) {
        count += 1;
        name = format!("{stem}_{count}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "tool_version,config_hash,seed,network,images,ou_wordlines,adc_bits,\
        programming_error_law,sigma_ln,sigma_rel,trials,quantised_accuracy_frac,\
        accuracy_mean_frac,accuracy_p5_frac,accuracy_p95_frac\n";

    fn folder(rows: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("summary.csv"), format!("{HEADER}{rows}")).unwrap();
        dir
    }

    fn row(ou: u32, adc: &str, sigma: &str, mean: f64) -> String {
        let (lo, hi) = (mean - 0.02, mean + 0.01);
        format!("0.1.0,abc,1,embedded,1000,{ou},{adc},lognormal,{sigma},,1000,0.92,{mean},{lo},{hi}\n")
    }

    fn names(paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn one_figure_for_one_axis() {
        let dir = folder(&[row(9, "4", "0.1", 0.9), row(16, "4", "0.1", 0.8), row(9, "4", "0.2", 0.7)].concat());
        let paths = plot(dir.path()).unwrap();
        assert_eq!(names(&paths), ["accuracy_vs_ou_wordlines.svg", "accuracy_vs_ou_wordlines.png"]);
        let svg = fs::read_to_string(&paths[0]).unwrap();
        for text in ["sigma_ln 0.1", "sigma_ln 0.2", "1000 test images", ">9<", ">16<"] {
            assert!(svg.contains(text), "no {text}");
        }
        assert!(fs::read(&paths[1]).unwrap().starts_with(b"\x89PNG"));
        // Nothing else is left behind, and the same table gives the same bytes.
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
        let again = select::figures(&table::read(&dir.path().join("summary.csv")).unwrap()).unwrap();
        assert_eq!(svg, SvgBackend::new().with_pretty(true).render_scene(&draw::scene(&again[0])));
    }

    fn figures(rows: &str) -> Vec<String> {
        let table = table::read(&folder(rows).path().join("summary.csv")).unwrap();
        select::figures(&table).unwrap().into_iter().map(|f| f.name).collect()
    }

    #[test]
    fn other_parameters_make_figures() {
        let mut rows = String::new();
        for adc in ["4", "lossless"] {
            rows += &(row(9, adc, "0.1", 0.9) + &row(128, adc, "0.1", 0.5));
        }
        let wanted = ["accuracy_vs_ou_wordlines_adc_bits_4", "accuracy_vs_ou_wordlines_adc_bits_lossless"];
        assert_eq!(figures(&rows), wanted);
    }

    #[test]
    fn another_axis_when_wordlines_do_not_vary() {
        assert_eq!(figures(&(row(9, "4", "0", 0.9) + &row(9, "4", "0.1", 0.8))), ["accuracy_vs_sigma_ln"]);
        let adc = row(9, "3", "0.1", 0.9) + &row(9, "lossless", "0.1", 0.8) + &row(9, "4", "0.1", 0.8);
        assert_eq!(figures(&adc), ["accuracy_vs_adc_bits"]);
        assert_eq!(figures(&row(9, "4", "0.1", 0.9)), ["accuracy_vs_ou_wordlines"]);
    }

    #[test]
    fn a_parameter_that_follows_the_axis_makes_no_figures() {
        let rows = row(9, "5", "0.1", 0.9) + &row(128, "9", "0.1", 0.8);
        assert_eq!(figures(&rows), ["accuracy_vs_ou_wordlines"]);
    }

    #[test]
    fn bad_tables_name_their_place() {
        let error = |dir: &Path| plot(dir).unwrap_err().to_string();
        let empty = tempfile::tempdir().unwrap();
        assert!(error(empty.path()).contains("hint: "), "{}", error(empty.path()));
        assert!(error(folder("").path()).contains("no results"));
        let twice = row(9, "4", "0.1", 0.9).repeat(2);
        assert!(error(folder(&twice).path()).contains("summary.csv:3"), "{}", error(folder(&twice).path()));
        let word = row(9, "4", "0.1", 0.9).replace("0.92", "much");
        let message = error(folder(&word).path());
        assert!(message.contains("summary.csv:2: quantised_accuracy_frac") && message.contains("much"), "{message}");
        assert!(error(folder("1,2\n").path()).contains("summary.csv:2"));
        fs::write(empty.path().join("summary.csv"), "a,b\n1,2\n").unwrap();
        assert!(error(empty.path()).contains("no column seed"));
    }

    #[test]
    fn names_stay_apart() {
        let mut taken = HashSet::new();
        assert_eq!(unique("a", &mut taken), "a");
        assert_eq!(unique("a", &mut taken), "a_2");
        assert_eq!(unique(&"x".repeat(400), &mut taken).len(), 150);
    }
}
