//! Random rows of a table, added as a look-up kernel adds them: the loop whose rate is the limit of such kernels.

use crate::engine::cpu::lanes::rows::{MOST_ROWS, NUMBER_STEP, Rows, add_rows};
use crate::engine::cpu::lanes::{Lanes, Words, with_lanes};
use crate::rng::PhiloxStream;
use std::hint::black_box;

/// Rows of one row group's table at 9 wordlines.
const UNIT_ROWS: usize = 512;
/// Input vectors whose row numbers stand ready.
const VECTORS: usize = 1024;
/// Sums at a time: one per bit of an input.
pub const SUMS: usize = 8;

/// A table and numbers of its rows in the order in which a look-up kernel reads them: vector, row group, input bit.
pub struct RandomRows {
    table: Vec<Words>,
    /// Counted within the part of [`MOST_ROWS`] rows that the row group's rows stand in.
    numbers: Vec<u16>,
}

impl RandomRows {
    /// A table of `kib` KiB and its numbers.
    pub fn new(kib: usize) -> Self {
        let rows = kib * 1024 / size_of::<Words>();
        let of_unit = rows.min(UNIT_ROWS);
        let units = rows / of_unit;
        let mut random = PhiloxStream::new(kib as u64);
        let number = |i: usize| (i / SUMS % units * of_unit % MOST_ROWS) as u32 + random.below(of_unit as u32);
        let numbers = (0..VECTORS * units * SUMS).map(number).map(|n| (n as usize * NUMBER_STEP) as u16).collect();
        let table = (0..rows).map(|r| Words(std::array::from_fn(|j| (r ^ j) as i16))).collect();
        RandomRows { table, numbers }
    }

    /// Row numbers, and so rows added at a time.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Adds all rows, `times` times.
    pub fn add(&self, times: usize, sums: &mut [Words; SUMS]) {
        for _ in 0..times {
            add_all_rows(black_box(self), sums);
        }
    }
}

with_lanes! {
    /// Adds the rows, each to the sum of its input bit.
    pub fn add_all_rows(rows: &RandomRows, sums: &mut [Words; SUMS]) = add_all
}

#[inline(always)]
fn add_all<L: Lanes>(lanes: L, rows: &RandomRows, sums: &mut [Words; SUMS]) {
    let mut kept = [lanes.words(&Words::ZERO); SUMS];
    for t in 0..SUMS {
        kept[t] = lanes.words(&sums[t]);
    }
    let of_part = if rows.table.len() <= MOST_ROWS { rows.numbers.len() } else { MOST_ROWS / UNIT_ROWS * SUMS };
    let parts = rows.table.chunks(MOST_ROWS).count();
    for (i, numbers) in rows.numbers.chunks(of_part).enumerate() {
        let Some(table) = Rows::new(&rows.table[i % parts * MOST_ROWS..]) else { return };
        let (pairs, last) = numbers.as_chunks::<SUMS>().0.as_chunks::<2>();
        for [first, second] in pairs {
            add_rows(lanes, table, first, &mut kept);
            add_rows(lanes, table, second, &mut kept);
        }
        for eight in last {
            add_rows(lanes, table, eight, &mut kept);
        }
    }
    for t in 0..SUMS {
        lanes.store_words(kept[t], &mut sums[t]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::limits::TABLES_KIB;
    use crate::engine::cpu::lanes::WORDS;

    /// Every instruction set adds the same rows as the plain rule.
    #[test]
    fn rows_are_added() {
        let rows = RandomRows::new(32);
        let mut sums = [Words::ZERO; SUMS];
        rows.add(2, &mut sums);
        let mut expected = [[0i16; WORDS]; SUMS];
        for (i, &number) in rows.numbers.iter().enumerate() {
            for j in 0..WORDS {
                expected[i % SUMS][j] = expected[i % SUMS][j].wrapping_add(rows.table[usize::from(number) / NUMBER_STEP].0[j].wrapping_mul(2));
            }
        }
        assert_eq!(sums.map(|s| s.0), expected);
    }

    #[test]
    fn every_row_number_is_in_the_table() {
        for kib in TABLES_KIB {
            let rows = RandomRows::new(kib);
            assert_eq!(rows.table.len(), kib * 16);
            let part = rows.table.len().min(MOST_ROWS);
            assert!(rows.numbers.iter().all(|&n| usize::from(n) / NUMBER_STEP < part));
            let highest = rows.numbers.iter().max().map(|&n| usize::from(n) / NUMBER_STEP);
            assert!(highest.is_some_and(|n| n + UNIT_ROWS >= part), "the whole table is read");
        }
    }
}
