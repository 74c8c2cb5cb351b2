//! Figures of a training: accuracy and bits after every epoch, and the bits of the layers kept.

use super::super::chart::{Chart, Mark, Series};
use super::super::folder::{Csv, Folder};
use super::super::numbers::{percent, short, significant};
use super::search::bits_of_layers;
use crate::error::Result;
use crate::report::training::{CURVE_FILE, LAYERS_FILE};

/// Ticks of the epochs, at most.
const MOST_TICKS: usize = 12;

/// Those of `curve.csv` and of the `layers.csv` beside it.
pub fn of(folder: &Folder) -> Result<Vec<Chart>> {
    let Some(curve) = folder.table(CURVE_FILE) else { return Ok(Vec::new()) };
    let layers = folder.table(LAYERS_FILE).and_then(|t| bits_of_layers(t, "kept-bits", "Magnitude bits of a weight in the network kept."));
    let accuracy = epochs(curve, "epoch-accuracy", "Accuracy after every epoch.", "Test images: by the integers that the engine runs.", "accuracy, %", |row, setting| {
        let column = |name: &str, label: &str| Some((format!("{label}{setting}"), 100.0 * curve.number(row, name)?));
        [column("accuracy_frac", "test images"), column("training_accuracy_frac", "training images")].into_iter().flatten().collect()
    });
    let bits = epochs(curve, "epoch-bits", "Magnitude bits of a weight after every epoch.", "Compression is 32 / bits.", "magnitude bits", |row, _| curve.number(row, "mean_bits").map(|bits| (String::new(), bits)).into_iter().collect());
    Ok(accuracy.into_iter().chain(bits).chain(layers).collect())
}

/// A chart over epochs; `of` gives labels and values of a row, told which setting it belongs to.
fn epochs(t: &Csv, id: &str, title: &str, caption: &str, y_label: &str, of: impl Fn(&[String], &str) -> Vec<(String, f64)>) -> Option<Chart> {
    let last = t.rows.iter().filter_map(|r| t.number(r, "epoch")).fold(0.0, f64::max);
    let at = |epoch: f64| epoch / (last + 1.0);
    let settings = t.column("setting").is_some_and(|c| t.varies(c));
    let mut series: Vec<Series> = Vec::new();
    for row in &t.rows {
        let Some(epoch) = t.number(row, "epoch") else { continue };
        let setting = if settings { format!(", alpha {}, {} bits", t.own(row, "alpha"), t.own(row, "activation_bits")) } else { String::new() };
        let shown = |name: &str| t.number(row, name).map_or("?".into(), percent);
        let says = format!(
            "epoch {epoch}\ntest images {} %\ntraining images {} %\n{} magnitude bits a weight, {} times smaller\nalpha {}, {}-bit activations, learning rate {}\nloss {}",
            shown("accuracy_frac"), shown("training_accuracy_frac"), short(t.own(row, "mean_bits")), short(t.own(row, "compression")), t.own(row, "alpha"), t.own(row, "activation_bits"), short(t.own(row, "learning_rate")), short(t.own(row, "loss")),
        );
        for (label, y) in of(row, &setting) {
            let mark = Mark { x: at(epoch), y, interval: None, spread: None, bar: None, says: says.clone() };
            match series.iter_mut().find(|s| s.label == label) {
                Some(of) => of.marks.push(mark),
                None => series.push(Series { label, joined: true, marks: vec![mark] }),
            }
        }
    }
    let every = (last as usize / MOST_TICKS).max(1);
    (!series.is_empty()).then(|| Chart {
        id: id.into(),
        title: title.into(),
        caption: caption.into(),
        x_label: "epoch".into(),
        x_ticks: (1..=last as usize).step_by(every).map(|e| (at(e as f64), significant(e as f64, 6))).collect(),
        y_label: y_label.into(),
        series,
        ..Chart::default()
    })
}
