//! What was measured, as JSON for programs and as tables for people.

use super::cases::{INPUTS, OUTPUTS, Precision};
use super::cost::CostSpeed;
use super::kernels::Speed;
use super::limits::CpuLimits;
use super::machine::{Machine, load_average};
use super::network::NetworkSpeed;
use super::{GpuLimits, Request};
use serde::Serialize;
use std::fmt::Write;

/// The form of the report; grows a number when a key changes its meaning.
const FORMAT: &str = "bwq-bench-1";

/// Limits of the engines measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Limits {
    /// Of one core.
    pub cpu: Option<CpuLimits>,
    /// Of the GPU.
    pub gpu: Option<GpuLimits>,
}

/// A whole run. Keys are described in `docs/bench.md`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// `bwq-bench-1`.
    pub format: &'static str,
    /// Version of the program.
    pub tool_version: &'static str,
    /// Commit it was built from.
    pub commit: &'static str,
    /// True for a look only.
    pub quick: bool,
    /// Where.
    pub machine: Machine,
    /// At most.
    pub limits: Limits,
    /// One row per engine, case and kernel.
    pub kernels: Vec<Speed>,
    /// One row per height: what a coarse fraction costs.
    pub precision: Vec<Precision>,
    /// One row per engine and height: the embedded network.
    pub network: Vec<NetworkSpeed>,
    /// The cost model, on one core.
    pub cost: Option<CostSpeed>,
}

impl Report {
    /// An empty one.
    pub fn new(request: &Request) -> Self {
        Report {
            format: FORMAT,
            tool_version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("BWQ_COMMIT").unwrap_or("unknown"),
            quick: request.quick,
            machine: Machine::new(request.engines, request.threads),
            limits: Limits::default(),
            kernels: Vec::new(),
            precision: Vec::new(),
            network: Vec::new(),
            cost: None,
        }
    }

    /// Notes what can only be known at the end.
    pub fn finish(&mut self) {
        self.machine.load_average_after = load_average();
    }

    /// Tables for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write_machine(&mut out);
        self.write_limits(&mut out);
        self.write_kernels(&mut out);
        self.write_precision(&mut out);
        self.write_network(&mut out);
        self.write_cost(&mut out);
        out
    }

    fn write_machine(&self, out: &mut String) {
        let m = &self.machine;
        let load = |l: Option<[f64; 3]>| l.map_or("unknown".into(), |l| format!("{:.2}", l[0]));
        let _ = writeln!(out, "bwq {} ({}){}", self.tool_version, self.commit, if self.quick { ", a quick look: not for quoting" } else { "" });
        let _ = writeln!(out, "{}, {} logical processors, {}", m.processor.as_deref().unwrap_or("unknown processor"), m.cpus, m.instruction_set);
        let _ = writeln!(out, "load average {} before, {} after; CPU figures: one thread, {}; GPU figures: {}", load(m.load_average_before), load(m.load_average_after), m.cpu_clock, m.gpu_clock);
        let _ = writeln!(out, "adapter: {}", m.adapter.as_deref().unwrap_or("none measured"));
    }

    fn write_limits(&self, out: &mut String) {
        if let Some(cpu) = &self.limits.cpu {
            let clock = cpu.clock_ghz.map_or("unknown".into(), |c| format!("{c:.2} GHz"));
            let _ = writeln!(out, "\nLimits of one core: clock {clock}, sequential copy {:.1} GB/s (read and written)", cpu.copy_gb_per_s);
            let header = ["random 64-byte rows from", "ns/row", "GB/s", "clk/row"];
            let rows = cpu.random_rows.iter().map(|r| vec![format!("{} KiB", r.table_kib), format!("{:.3}", r.ns_per_row), format!("{:.1}", r.gb_per_s), optional(r.clk_per_row, 2)]);
            write_table(out, &header, rows.collect());
        }
        #[cfg(feature = "gpu")]
        if let Some(gpu) = &self.limits.gpu {
            let _ = writeln!(out, "\nLimits of the GPU: copy between buffers {:.1} GB/s (read and written)", gpu.copy_gb_per_s);
            let header = ["random 64-byte rows from", "G rows/s", "GB/s"];
            let rows = gpu.random_rows.iter().map(|r| vec![format!("{} KiB, {}", r.table_kib, r.memory), format!("{:.3}", r.rows_per_s * 1e-9), format!("{:.1}", r.gb_per_s)]);
            write_table(out, &header, rows.collect());
        }
    }

    fn write_kernels(&self, out: &mut String) {
        let _ = writeln!(out, "\nOne layer of {INPUTS} inputs and {OUTPUTS} outputs, a fresh chip per trial (vectors/s, MMAC/s, conversions: of the median)");
        let header = [
            "engine", "kernel", "wordlines", "vectors", "fraction bits", "ms min", "median", "of", "patterns", "sampling", "tables", "product", "look-ups", "vectors/s", "MMAC/s", "G conv/s", "row limit", "equal",
        ];
        let row = |s: &Speed| {
            vec![
                s.engine.into(),
                s.kernel.into(),
                s.ou_wordlines.to_string(),
                s.vectors.to_string(),
                format!("{} {}", s.fraction, s.fraction_bits),
                format!("{:.3}", s.ms_per_trial_min),
                format!("{:.3}", s.ms_per_trial_median),
                s.repeats.to_string(),
                optional(s.patterns_ms, 3),
                optional(s.sampling_ms, 3),
                optional(s.tables_ms, 3),
                optional(s.product_ms, 3),
                optional(s.look_up_ms, 3),
                format!("{:.0}", s.trial_vectors_per_s),
                format!("{:.1}", s.ideal_mmac_per_s),
                format!("{:.3}", s.conversions_per_s * 1e-9),
                s.share_of_row_limit.map_or("-".into(), |x| format!("{:.0} %", 100.0 * x)),
                if s.equals_direct { "yes" } else { "NO" }.into(),
            ]
        };
        write_table(out, &header, self.kernels.iter().map(row).collect());
        let _ = writeln!(out, "row limit: rows per second of the look-ups alone, against random rows from a table as large, in this run; equal: the integers of `direct` on the CPU");
    }

    fn write_precision(&self, out: &mut String) {
        let _ = writeln!(out, "\nCodes that differ between fraction bits `max` and `coarse`");
        let row = |p: &Precision| vec![p.ou_wordlines.to_string(), p.fraction_bits_max.to_string(), p.fraction_bits_coarse.to_string(), p.codes.to_string(), format!("{:.3} %", 100.0 * p.codes_that_differ_frac)];
        write_table(out, &["wordlines", "max", "coarse", "codes", "differ"], self.precision.iter().map(row).collect());
    }

    fn write_cost(&self, out: &mut String) {
        if let Some(cost) = &self.cost {
            let _ = writeln!(
                out,
                "\nCost model, one core: {:.0} layer configurations/s counted, {:.0}/s counted and priced under one component set ({} configurations, {} repeats)",
                cost.counted_per_s, cost.priced_per_s, cost.configurations, cost.repeats
            );
        }
    }

    fn write_network(&self, out: &mut String) {
        let _ = writeln!(out, "\nWhole networks, ms per image and chip (on a GPU with programming)");
        let header = ["network", "M MAC", "engine", "threads", "clock", "wordlines", "fraction", "images", "chips", "ms min", "median", "of", "programming ms/chip", "MMAC/s"];
        let row = |n: &NetworkSpeed| {
            vec![
                n.network.clone(),
                format!("{:.2}", n.macs_per_image as f64 * 1e-6),
                n.engine.into(),
                n.threads.map_or("-".into(), |t| t.to_string()),
                n.clock.into(),
                n.ou_wordlines.to_string(),
                n.fraction.into(),
                n.images.to_string(),
                n.chips.to_string(),
                format!("{:.4}", n.ms_per_image_and_chip_min),
                format!("{:.4}", n.ms_per_image_and_chip_median),
                n.repeats.to_string(),
                optional(n.programming_ms_per_chip, 2),
                format!("{:.1}", n.ideal_mmac_per_s),
            ]
        };
        write_table(out, &header, self.network.iter().map(row).collect());
        let of_passes = |n: &NetworkSpeed| n.passes.as_ref().map(|p| (n.network.clone(), n.ou_wordlines, n.fraction, p.clone()));
        for (network, ou_wordlines, fraction, passes) in self.network.iter().filter_map(of_passes) {
            let all: f64 = passes.iter().map(|p| p.ms_per_image_and_chip).sum();
            let mut shares: Vec<(f64, &str)> = passes.iter().map(|p| (100.0 * p.ms_per_image_and_chip / all, p.pass.as_str())).collect();
            shares.sort_by(|a, b| b.0.total_cmp(&a.0));
            let shares: Vec<String> = shares.iter().filter(|s| s.0 >= 1.0).map(|(share, pass)| format!("{pass} {share:.0} %")).collect();
            let _ = writeln!(out, "on the device, {network}, {ou_wordlines} wordlines, {fraction}: {all:.5} ms per image and chip: {}", shares.join(", "));
        }
    }
}

fn optional(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".into(), |v| format!("{v:.digits$}"))
}

/// Columns flush right, two blanks between them.
fn write_table(out: &mut String, header: &[&str], rows: Vec<Vec<String>>) {
    let all: Vec<Vec<String>> = std::iter::once(header.iter().map(|h| (*h).to_string()).collect()).chain(rows).collect();
    let width = |c: usize| all.iter().filter_map(|r| r.get(c)).map(|t| t.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    for row in &all {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(text, &w)| format!("{text:>w$}")).collect();
        let _ = writeln!(out, "{}", cells.join("  "));
    }
}
