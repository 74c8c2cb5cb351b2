//! What `bwq cost` prints where its file names several networks or designs.

use super::cost::{figure_text, grouped, write_table};
use bwq::cost::price::Band;
use bwq::report::cost::Bill;
use bwq::report::cost_comparison::{Gain, gains, has_others, means};
use std::fmt::Write;

/// A row for each network and design, bands over component sets; then means over networks.
pub fn text(bills: &[Bill]) -> String {
    let header = ["network", "design", "bits", "crossbars", "with copies", "OU activations", "table bytes", "latency, ms", "energy, uJ", "speed-up", "energy gain"];
    let mut rows = vec![header.map(String::from).to_vec()];
    for bill in bills {
        let (c, gains) = (&bill.costed, gains(bills, bill));
        let sets = &bill.prices.sets;
        let bands = [
            band(sets.iter().map(|p| p.total.latency_ns * 1e-6)),
            band(sets.iter().map(|p| p.total.total_pj() * 1e-6)),
            band(gains.iter().map(|g| g.speedup)),
            band(gains.iter().map(|g| g.energy)),
        ];
        let counts = [c.total.crossbars, c.pipeline.crossbars, c.total.ou_activations, c.total.table_bits.div_ceil(8)].map(grouped);
        let row = [c.network.clone(), c.design.name.into(), format!("{:.3}", c.mean_bits())];
        rows.push(row.into_iter().chain(counts).chain(bands).collect());
    }
    let mut text = String::new();
    write_table(&mut text, &rows);
    if has_others(bills) {
        means_text(&mut text, bills);
    }
    let _ = writeln!(text, "\nFrom .. to: over component sets. `bwq cost` of one network and design prints what its figures rest on; --out writes all of it.");
    text
}

fn means_text(text: &mut String, bills: &[Bill]) {
    let means = means(bills);
    let Some(first) = means.first() else { return };
    let copies = if first.has_copies { "copies of layers within a budget" } else { "no copies of layers" };
    let _ = writeln!(text, "\nGeometric means over networks, against {}; {copies}\n", first.baseline);
    let mut rows = vec![["design", "bit planes", "components", "networks", "speed-up", "pipelined", "energy gain"].map(String::from).to_vec()];
    for mean in &means {
        let figures = [|g: &Gain| g.speedup, |g: &Gain| g.pipelined, |g: &Gain| g.energy].map(|of| figure_text(mean.geometric(of)));
        let words = [mean.design.to_string(), mean.bit_planes.to_string(), mean.components.clone(), mean.gains.len().to_string()];
        rows.push(words.into_iter().chain(figures).collect());
    }
    write_table(text, &rows);
}

/// `1.2 .. 3.4`
fn band(figures: impl IntoIterator<Item = f64>) -> String {
    Band::of(figures).map_or_else(String::new, |b| if b.min == b.max { figure_text(b.min) } else { format!("{} .. {}", figure_text(b.min), figure_text(b.max)) })
}
