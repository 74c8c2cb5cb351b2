//! What one core can do at most: its clock, its copy bandwidth, and the rate of random 64-byte rows, which bounds
//! every kernel that looks results up.

use super::clock::{Effort, timed};
use super::random_rows::{RandomRows, SUMS};
use crate::engine::cpu::lanes::Words;
use crate::error::Result;
use serde::Serialize;
use std::hint::black_box;

/// Sizes of the table, KiB: in L1 (16, 32), in L2 (64 to 512), beyond it; in order.
pub const TABLES_KIB: [usize; 7] = [16, 32, 64, 128, 256, 512, 4096];
/// Rows that are added before the time is taken.
const ROWS_A_SAMPLE: usize = 1 << 22;
/// Bytes of the copy: larger than a cache.
const COPY_BYTES: usize = 64 << 20;

/// Limits of one core.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CpuLimits {
    /// Clock while it adds, in GHz; `None` where we know no way to measure it.
    pub clock_ghz: Option<f64>,
    /// Sequential copy, bytes read plus bytes written.
    pub copy_gb_per_s: f64,
    /// Random rows by size of the table.
    pub random_rows: Vec<RowRate>,
}

/// Random 64-byte rows added to 16-bit sums.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowRate {
    /// Size of the table.
    pub table_kib: usize,
    /// Time of a row.
    pub ns_per_row: f64,
    /// Bytes of the rows.
    pub gb_per_s: f64,
    /// Clocks of a row, where the clock is known.
    pub clk_per_row: Option<f64>,
}

impl CpuLimits {
    /// Rows in a second from a table of `table_kib`: the rate of the smallest table measured that is no smaller.
    pub fn rows_per_s(&self, table_kib: usize) -> Option<f64> {
        self.random_rows.iter().find(|r| r.table_kib >= table_kib).map(|r| 1e9 / r.ns_per_row)
    }
}

/// Measures them on this thread: the fastest of some repeats.
pub fn measure() -> Result<CpuLimits> {
    let effort = Effort { repeats: 7, enough_s: 0.15, patience_s: 2.0 };
    let clock_ghz = Some(clock(&effort)?);
    let random_rows = TABLES_KIB.iter().map(|&kib| row_rate(kib, clock_ghz, &effort)).collect::<Result<_>>()?;
    Ok(CpuLimits { clock_ghz, copy_gb_per_s: copy(&effort)?, random_rows })
}

fn row_rate(kib: usize, clock_ghz: Option<f64>, effort: &Effort) -> Result<RowRate> {
    let rows = RandomRows::new(kib);
    let times = ROWS_A_SAMPLE.div_ceil(rows.len());
    let mut sums = [Words::ZERO; SUMS];
    rows.add(1, &mut sums); // into the caches
    let timing = effort.repeat(|_| {
        let mut spent = 0.0;
        timed(&mut spent, || rows.add(times, &mut sums));
        Ok((spent, ()))
    })?;
    black_box(&sums);
    let ns_per_row = timing.min_s * 1e9 / (times * rows.len()) as f64;
    Ok(RowRate { table_kib: kib, ns_per_row, gb_per_s: size_of::<Words>() as f64 / ns_per_row, clk_per_row: clock_ghz.map(|c| c * ns_per_row) })
}

fn copy(effort: &Effort) -> Result<f64> {
    let from = vec![1u8; COPY_BYTES];
    let mut to = vec![2u8; COPY_BYTES];
    let timing = effort.repeat(|_| {
        let mut spent = 0.0;
        timed(&mut spent, || black_box(&mut to).copy_from_slice(black_box(&from)));
        Ok((spent, ()))
    })?;
    Ok(2.0 * COPY_BYTES as f64 * 1e-9 / timing.min_s)
}

/// Operations of which each needs the former one's result take one clock each.
fn clock(effort: &Effort) -> Result<f64> {
    const OPERATIONS: usize = 1 << 23;
    let timing = effort.repeat(|_| {
        let mut spent = 0.0;
        timed(&mut spent, || dependent_operations(OPERATIONS / 8));
        Ok((spent, ()))
    })?;
    Ok(OPERATIONS as f64 * 1e-9 / timing.min_s)
}

/// `eights` times eight operations in a row: a rotation cannot be merged with the exclusive or after it.
fn dependent_operations(eights: usize) {
    let (mut x, y) = (black_box(1u64), black_box(3u64));
    for _ in 0..eights {
        for _ in 0..4 {
            x = x.rotate_left(1) ^ y;
        }
    }
    black_box(x);
}
