//! `bwq cost`: what a network takes on hardware.

use super::CostArgs;
use super::terminal::{Terminal, print};
use bwq::config::cost::load;
use bwq::cost::costed::{Costed, cost as count};
use bwq::cost::count::Counts;
use bwq::error::{Result, exit};
use bwq::report::cost::{json, write};
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
    ];
    let costed = count(&load(args.cost.as_deref(), &options, &args.set)?)?;
    print(&if args.json { json(&costed)? } else { text(&costed) })?;
    if let Some(out) = &args.out {
        let command: Vec<String> = std::env::args().collect();
        terminal.say_files(out, &write(out, &costed, &command)?);
    }
    Ok(exit::DONE)
}

/// Tables for people.
fn text(costed: &Costed) -> String {
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
    let _ = writeln!(text, "\nThis rests on:");
    let width = costed.assumptions.iter().map(|a| a.name.len()).max().unwrap_or(0);
    for a in &costed.assumptions {
        let _ = writeln!(text, "  {:<width$}  {}", a.name, a.value);
    }
    text
}

/// `1 234 567`
fn grouped(n: u64) -> String {
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
fn write_table(text: &mut String, rows: &[Vec<String>]) {
    let widths: Vec<usize> = (0..rows[0].len()).map(|c| rows.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0)).collect();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).enumerate().map(|(c, (cell, &w))| if c == 0 { format!("{cell:<w$}") } else { format!("{cell:>w$}") }).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
}
