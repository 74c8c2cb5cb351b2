//! Random rows of a table, added as a look-up kernel adds them: the loop whose rate is the limit of such kernels.

use crate::engine::cpu::simd::multiversion;
use crate::rng::PhiloxStream;
use std::hint::black_box;

/// Rows of one row group's table at 9 wordlines.
const UNIT_ROWS: usize = 512;
/// Input vectors whose row numbers stand ready.
const VECTORS: usize = 1024;
/// Sums at a time: one per bit of an input.
pub const SUMS: usize = 8;

/// A table row: one cache line of 16-bit entries.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
pub struct Row([i16; 32]);

/// A table and numbers of its rows in the order in which a look-up kernel reads them: vector, row group, input bit.
pub struct RandomRows {
    table: Vec<Row>,
    /// Each below the table's length: nothing outside `new` makes or changes any.
    numbers: Vec<u16>,
}

impl RandomRows {
    /// A table of `kib` KiB, at most 4096, and its numbers.
    pub fn new(kib: usize) -> Self {
        let rows = (kib * 1024 / size_of::<Row>()).min(1 << 16);
        let of_unit = rows.min(UNIT_ROWS);
        let units = rows / of_unit;
        let mut random = PhiloxStream::new(kib as u64);
        let number = |i: usize| (i / SUMS % units * of_unit) as u32 + random.below(of_unit as u32);
        let numbers = (0..VECTORS * units * SUMS).map(number).map(|n| n as u16).collect();
        let table = (0..rows).map(|r| Row(std::array::from_fn(|j| (r ^ j) as i16))).collect();
        RandomRows { table, numbers }
    }

    /// Row numbers, and so rows added at a time.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Adds all rows, `times` times.
    pub fn add(&self, times: usize, sums: &mut [Row; SUMS]) {
        for _ in 0..times {
            add_rows(black_box(self), sums);
        }
    }
}

multiversion! {
    /// Adds the rows, each to the sum of its input bit.
    pub fn add_rows(rows: &RandomRows, sums: &mut [Row; SUMS]) = add_rows_inlined
}

#[inline(always)]
fn add_rows_inlined(rows: &RandomRows, sums: &mut [Row; SUMS]) {
    let mut kept = *sums;
    for eight in rows.numbers.chunks_exact(SUMS) {
        for t in 0..SUMS {
            // SAFETY: `new`, which alone makes numbers, keeps them below the table's length.
            let row = unsafe { rows.table.get_unchecked(usize::from(eight[t])) };
            for j in 0..row.0.len() {
                kept[t].0[j] = kept[t].0[j].wrapping_add(row.0[j]);
            }
        }
    }
    *sums = kept;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::limits::TABLES_KIB;

    /// Every instruction set adds the same rows as the plain rule.
    #[test]
    fn rows_are_added() {
        let rows = RandomRows::new(32);
        let mut sums = [Row::default(); SUMS];
        rows.add(2, &mut sums);
        let mut expected = [[0i16; 32]; SUMS];
        for (i, &number) in rows.numbers.iter().enumerate() {
            for j in 0..32 {
                expected[i % SUMS][j] = expected[i % SUMS][j].wrapping_add(rows.table[usize::from(number)].0[j].wrapping_mul(2));
            }
        }
        assert_eq!(sums.map(|s| s.0), expected);
    }

    #[test]
    fn every_row_number_is_in_the_table() {
        for kib in TABLES_KIB {
            let rows = RandomRows::new(kib);
            assert_eq!(rows.table.len(), kib * 16);
            assert!(rows.numbers.iter().all(|&n| usize::from(n) < rows.table.len()));
            let highest = rows.numbers.iter().max().map(|&n| usize::from(n));
            assert!(highest.is_some_and(|n| n + UNIT_ROWS >= rows.table.len()), "the whole table is read");
        }
    }
}
