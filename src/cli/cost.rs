//! `bwq cost`: what a network takes on hardware.

use super::CostArgs;
use super::cost_comparison;
use super::terminal::{Terminal, print};
use bwq::config::cost::load_all;
use bwq::cost::costed::{Costed, cost as count};
use bwq::cost::count::Counts;
use bwq::cost::price::Band;
use bwq::cost::priced::{Priced, Prices, price_as};
use bwq::error::{Error, Result, exit};
use bwq::config::cost::CostConfig;
use bwq::report::cost::{Bill, json, write};
use bwq::report::plot;
use bwq::sweep::folder::refuse_foreign;
use std::fmt::Write;

/// Counts, prints, and writes tables where a folder is given.
pub fn cost(args: &CostArgs, terminal: &Terminal) -> Result<u8> {
    let options = [
        ("--network", "network", args.network.clone()),
        ("--design", "design", args.design.clone()),
        ("--weight-bits", "weight_bits", args.weight_bits.clone()),
        ("--activation-bits", "activation_bits", args.activation_bits.clone()),
        ("--cell-bits", "cell_bits", args.cell_bits.clone()),
        ("--row-cut", "row_cut", args.row_cut.clone()),
        ("--precision-map", "precision_map", args.precision_map.clone()),
        ("--arrays", "arrays", args.arrays.clone()),
        ("--components", "components", args.components.clone()),
    ];
    args.out.as_deref().map_or(Ok(()), refuse_foreign)?;
    let configs = load_all(args.cost.as_deref(), &options, &args.set)?;
    let bill = |config: &CostConfig| {
        let costed = count(config)?;
        let prices = price_as(&costed, config)?;
        Ok(Bill { costed, prices })
    };
    let bills = configs.iter().map(bill).collect::<Result<Vec<Bill>>>()?;
    names_differ(&configs, &bills)?;
    print(&match bills.as_slice() {
        bills if args.json => json(bills)?,
        [bill] => text(bill),
        bills => cost_comparison::text(bills),
    })?;
    if let Some(out) = &args.out {
        let command: Vec<String> = std::env::args().collect();
        let files = [write(out, &bills, &command)?, plot::costs::draw(out, &bills)?].concat();
        terminal.say_files(out, &files);
    }
    Ok(exit::DONE)
}

/// A comparison goes by the networks' names.
fn names_differ(configs: &[CostConfig], bills: &[Bill]) -> Result<()> {
    for (i, (config, bill)) in configs.iter().zip(bills).enumerate() {
        let name = &bill.costed.network;
        if let Some((other, _)) = configs.iter().zip(bills).take(i).find(|(c, b)| c.network != config.network && b.costed.network == *name) {
            return Err(Error::input(&config.place, format!("the networks `{}` and `{}` are both named `{name}`, and comparisons go by names", other.network, config.network))
                .hint("give one of them another: \"name\" in its network.json, or bwq import --name"));
        }
    }
    Ok(())
}

/// Tables for people.
fn text(bill: &Bill) -> String {
    let mut text = counts_text(&bill.costed);
    prices_text(&mut text, &bill.prices);
    let _ = writeln!(text, "\nThis rests on:");
    let assumptions = &bill.costed.assumptions;
    let width = assumptions.iter().map(|a| a.name.len()).max().unwrap_or(0);
    for a in assumptions {
        let _ = writeln!(text, "  {:<width$}  {}", a.name, a.value);
    }
    text
}

/// A part with more than this share of the area is named.
const LARGE_AREA_FRAC: f64 = 0.25;

/// Energy by part, time and area, a column for each component set.
fn prices_text(text: &mut String, prices: &Prices) {
    let sets = &prices.sets;
    let mut rows = vec![["energy, uJ".to_string()].into_iter().chain(sets.iter().map(|p| p.set.clone())).collect::<Vec<_>>()];
    let mut row = |name: &str, figure: &dyn Fn(&Priced) -> f64| {
        let figures: Vec<f64> = sets.iter().map(figure).collect();
        if figures.iter().any(|&x| x != 0.0) {
            rows.push([name.to_string()].into_iter().chain(figures.iter().map(|&x| figure_text(x))).collect());
        }
    };
    for (i, (part, _)) in sets.first().map(|p| p.total.columns().collect::<Vec<_>>()).unwrap_or_default().into_iter().enumerate() {
        row(part, &|p| p.total.columns().nth(i).map_or(0.0, |c| c.1) * 1e-6);
    }
    row("all", &|p| p.total.total_pj() * 1e-6);
    row("latency, ms", &|p| p.total.latency_ns * 1e-6);
    row("interval, ms", &|p| p.interval_ns * 1e-6);
    row("area, mm2", &|p| p.area_um2.total() * 1e-6);
    for (i, (part, _)) in sets.first().map(|p| p.area_um2.named().collect::<Vec<_>>()).unwrap_or_default().into_iter().enumerate() {
        let area_um2 = |p: &Priced| p.area_um2.named().nth(i).map_or(0.0, |a| a.1);
        if sets.iter().any(|p| area_um2(p) > LARGE_AREA_FRAC * p.area_um2.total()) {
            row(&format!("  of it {part}"), &|p| area_um2(p) * 1e-6);
        }
    }
    row("OU cycle, ns", &|p| p.ou_cycle_ns);
    row("programming, uJ", &|p| p.total.programming_pj * 1e-6);
    text.push('\n');
    write_table(text, &rows);
    if let (Some(band), true) = (Band::of(sets.iter().map(|p| p.total.total_pj() * 1e-6)), sets.len() > 1) {
        let _ = writeln!(text, "\nAn image takes {} to {} uJ: the spread of published figures, not of chips", figure_text(band.min), figure_text(band.max));
    }
    for (set, why) in &prices.silent {
        let _ = writeln!(text, "not priced under {set}: {why}");
    }
}

/// Four digits that count.
pub(super) fn figure_text(x: f64) -> String {
    let digits = if x == 0.0 { 0 } else { (3 - x.abs().log10().floor() as i32).clamp(0, 12) as usize };
    format!("{x:.digits$}")
}

fn counts_text(costed: &Costed) -> String {
    let mut text = format!("{} on {}\n\n", costed.network, costed.design.title);
    let copies = costed.layers.iter().any(|l| l.replicas > 1);
    let header = ["layer", "matrix", "positions", "bits", "crossbars", "OU activations", "ADC conversions", "cycles", "table bits"];
    let mut rows = vec![header.map(String::from).to_vec()];
    let row = |name: &str, matrix: String, positions: String, bits: f64, c: &Counts| {
        let mut row = vec![name.to_string(), matrix, positions, format!("{bits:.3}")];
        row.extend([c.crossbars, c.ou_activations, c.adc_conversions, c.cycles_sequential, c.table_bits].map(grouped));
        row
    };
    for l in &costed.layers {
        let of = &l.layer;
        let groups = if of.groups > 1 { format!(" x {}", of.groups) } else { String::new() };
        rows.push(row(&of.name, format!("{} x {}{groups}", of.rows, of.outputs), grouped(of.positions), l.mean_bits(), &l.counts));
    }
    rows.push(row("all", String::new(), String::new(), costed.mean_bits(), &costed.total));
    if copies {
        rows[0].extend(["copies", "cycles with them"].map(String::from));
        let end = rows.len() - 1;
        for (row, l) in rows[1..end].iter_mut().zip(&costed.layers) {
            row.extend([l.replicas.to_string(), grouped(costed.cycles_with_replicas(l))]);
        }
        rows[end].extend([String::new(), grouped(costed.pipeline.cycles_sequential)]);
    }
    write_table(&mut text, &rows);
    let (t, p) = (&costed.total, &costed.pipeline);
    let _ = writeln!(text, "\n{} multiply-accumulates, {} weights, {} blocks, {} table reads", grouped(t.macs), grouped(t.weights), grouped(t.blocks), grouped(t.table_reads));
    let _ = writeln!(
        text,
        "{} crossbars{}: {} OU cycles an image one layer after another; as a pipeline an image every {}, the first after {} more",
        grouped(p.crossbars), if copies { " with copies" } else { "" }, grouped(p.cycles_sequential), grouped(p.interval_cycles), grouped(p.fill_cycles)
    );
    text
}

/// `1 234 567`
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// The first column flush left, the others flush right.
pub(super) fn write_table(text: &mut String, rows: &[Vec<String>]) {
    let widths: Vec<usize> = (0..rows[0].len()).map(|c| rows.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0)).collect();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).enumerate().map(|(c, (cell, &w))| if c == 0 { format!("{cell:<w$}") } else { format!("{cell:>w$}") }).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
}
