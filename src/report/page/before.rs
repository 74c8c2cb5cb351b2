//! The accuracies before any trial: float, quantised, ideal crossbar. What is lost after them is lost to the crossbar.

use super::folder::Folder;
use super::html::{Head, paragraph, table};
use super::numbers::percent;
use crate::error::Result;

/// Columns of the accuracies that no chip has a part in.
const COLUMNS: [(&str, &str); 3] = [
    ("float_accuracy_frac", "float network, %"),
    ("quantised_accuracy_frac", "quantised network, %"),
    ("ideal_crossbar_accuracy_frac", "ideal crossbar, %"),
];

/// A row for each set of accuracies, with the points that have it.
pub fn of(folder: &Folder) -> Result<String> {
    let known = folder.tables.iter().find(|t| t.columns.iter().any(|c| c.name == COLUMNS[1].0));
    let Some(t) = known else { return Ok(String::new()) };
    let columns: Vec<_> = COLUMNS.iter().filter(|(name, _)| t.columns.iter().any(|c| c.name == *name)).collect();
    let mut rows: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for row in &t.rows {
        let accuracies: Vec<String> = columns.iter().map(|(name, _)| t.number(row, name).map(percent).unwrap_or_default()).collect();
        let place = t.place(row, &[]);
        match rows.iter_mut().find(|(a, _)| *a == accuracies) {
            Some((_, places)) => places.push(place),
            None => rows.push((accuracies, vec![place])),
        }
    }
    let several = rows.len() > 1;
    let heads: Vec<Head> = columns.iter().map(|(_, title)| Head::plain(title)).chain(several.then(|| Head::plain("points"))).collect();
    let cells = rows.into_iter().map(|(mut accuracies, places)| {
        if several {
            // A few points by name, many by their number.
            accuracies.push(if places.len() <= 3 { places.join("; ") } else { format!("{}; and {} more", places[..2].join("; "), places.len() - 2) });
        }
        accuracies
    });
    let says = "Top-1 accuracies that no chip has a part in. The ideal crossbar (no errors, infinite on/off ratio, lossless converter) gave the quantised network's logits exactly, or nothing would have been simulated: what is lost after it is lost to the crossbar.";
    Ok(paragraph(says) + &table("On the test images.", &heads, &cells.collect::<Vec<_>>()))
}
