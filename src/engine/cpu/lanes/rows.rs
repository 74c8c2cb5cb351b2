//! Rows of a table by their 16-bit numbers, four at a time: one load brings four numbers, and a mask in place of four
//! checks keeps them inside the table. A load for each number would compete with the loads of the rows themselves,
//! which are what the look-up kernels wait for.
//!
//! A number is kept times eight: an address is then a number times the eighth of a row's size, which is one step.

use super::{HalfWords, Ints, Lanes, Words};

/// How far a row's number is shifted in its 16 bits.
pub const NUMBER_SHIFT: u32 = 3;
/// What that multiplies it by.
pub const NUMBER_STEP: usize = 1 << NUMBER_SHIFT;
/// Most rows of a table: as many as can be numbered so.
pub const MOST_ROWS: usize = (1 << 16) / NUMBER_STEP;

/// A table of a power of two of rows, of which numbers are taken modulo their count.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a, R> {
    /// A power of two of rows, no more than [`MOST_ROWS`].
    rows: &'a [R],
    /// The last row's number, four times in 16 bits.
    mask: u64,
}

impl<'a, R> Rows<'a, R> {
    const ROW_IS_SOME_EIGHTS: () = assert!(size_of::<R>() > 0 && size_of::<R>().is_multiple_of(NUMBER_STEP));

    /// The first rows of `rows`, as many as a power of two holds; no rows at all are no table.
    #[inline]
    pub fn new(rows: &'a [R]) -> Option<Self> {
        let () = Self::ROW_IS_SOME_EIGHTS;
        let count = 1 << rows.len().min(MOST_ROWS).checked_ilog2()?;
        Some(Rows { rows: &rows[..count], mask: ((count - 1) * NUMBER_STEP) as u64 * 0x0001_0001_0001_0001 })
    }

    /// The rows of four numbers.
    #[inline(always)]
    pub fn four(&self, numbers: &[u16; 4]) -> [&'a R; 4] {
        #[cfg(target_arch = "x86_64")]
        {
            let mut kept = four_in_one(numbers) & self.mask;
            // SAFETY: no instruction at all. It only keeps the compiler from taking the numbers apart with vector
            // instructions, which are slow to hand addresses over.
            unsafe { std::arch::asm!("/* {0} */", inout(reg) kept, options(pure, nomem, nostack, preserves_flags)) };
            let field = |i: usize| (kept >> (16 * i) & 0xffff) as usize * (size_of::<R>() / NUMBER_STEP);
            let offsets = [field(0), field(1), field(2), field(3)];
            let base = self.rows.as_ptr();
            // SAFETY: a field has bits of the last row's number only, which are all from its lowest step up, as the count is
            // a power of two: so it is the number of a row there is, and its product the row's first byte.
            unsafe { [&*base.byte_add(offsets[0]), &*base.byte_add(offsets[1]), &*base.byte_add(offsets[2]), &*base.byte_add(offsets[3])] }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            numbers.map(|number| self.one(number))
        }
    }

    /// The row of one number.
    #[inline(always)]
    pub fn one(&self, number: u16) -> &'a R {
        &self.rows[(usize::from(number) / NUMBER_STEP) & (self.rows.len() - 1)]
    }
}

/// A row of a table that is added up in registers.
pub trait Row<L: Lanes>: Copy {
    /// It in registers.
    type Register: Copy;
    /// Zero in all columns.
    fn zero(lanes: L) -> Self::Register;
    /// sum + row.
    fn add(lanes: L, sum: Self::Register, row: &Self) -> Self::Register;
}

impl<L: Lanes> Row<L> for Words {
    type Register = L::Words;
    #[inline(always)]
    fn zero(lanes: L) -> L::Words {
        lanes.words(&Words::ZERO)
    }
    #[inline(always)]
    fn add(lanes: L, sum: L::Words, row: &Self) -> L::Words {
        lanes.add_words(sum, lanes.words(row))
    }
}

impl<L: Lanes> Row<L> for HalfWords {
    type Register = L::HalfWords;
    #[inline(always)]
    fn zero(lanes: L) -> L::HalfWords {
        lanes.half_words(&HalfWords::ZERO)
    }
    #[inline(always)]
    fn add(lanes: L, sum: L::HalfWords, row: &Self) -> L::HalfWords {
        lanes.add_half_words(sum, lanes.half_words(row))
    }
}

impl<L: Lanes> Row<L> for Ints {
    type Register = L::Ints;
    #[inline(always)]
    fn zero(lanes: L) -> L::Ints {
        lanes.all(0)
    }
    #[inline(always)]
    fn add(lanes: L, sum: L::Ints, row: &Self) -> L::Ints {
        lanes.add(sum, lanes.ints(row))
    }
}

/// Adds the row of each number to a sum of its own.
#[inline(always)]
pub fn add_rows<L: Lanes, R: Row<L>>(lanes: L, rows: Rows<R>, numbers: &[u16], sums: &mut [R::Register]) {
    let (fours, rest) = numbers.as_chunks::<4>();
    for (numbers, sums) in fours.iter().zip(sums.as_chunks_mut::<4>().0) {
        let found = rows.four(numbers);
        for t in 0..4 {
            sums[t] = R::add(lanes, sums[t], found[t]);
        }
    }
    let done = 4 * fours.len();
    for (&number, sum) in rest.iter().zip(&mut sums[done..]) {
        *sum = R::add(lanes, *sum, rows.one(number));
    }
}

/// The first number lowest.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn four_in_one(numbers: &[u16; 4]) -> u64 {
    // SAFETY: eight readable bytes, of which every value is a number.
    unsafe { numbers.as_ptr().cast::<u64>().read_unaligned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::philox4x32;

    /// Any numbers, those beyond the table too.
    fn finds<R: Copy + PartialEq + std::fmt::Debug>(count: usize, row: impl Fn(usize) -> R) {
        let all: Vec<R> = (0..count).map(row).collect();
        let used = 1 << count.min(MOST_ROWS).ilog2();
        let rows = Rows::new(&all).unwrap();
        for i in 0..1000 {
            let numbers = philox4x32([i, 0, 0, 0], [count as u32, 0]).map(|n| n as u16);
            let expected = numbers.map(|n| all[usize::from(n) / NUMBER_STEP % used]);
            assert_eq!(rows.four(&numbers).map(|r| *r), expected);
            assert_eq!(numbers.map(|n| *rows.one(n)), expected);
        }
    }

    #[test]
    fn every_number_finds_its_row_and_none_leads_outside() {
        for count in [1, 2, 3, 512, 700, 4096, MOST_ROWS, MOST_ROWS + 1, 1 << 16] {
            finds(count, |i| i as u64);
            finds(count, |i| [i as i16; 16]);
            finds(count, |i| [i as i32; 16]);
        }
        assert!(Rows::<u64>::new(&[]).is_none());
    }
}
