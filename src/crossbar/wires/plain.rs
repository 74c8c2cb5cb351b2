//! The plain topology: a driver at one end of every row wire, virtual ground at one end of every column wire, a cell
//! between them at every crossing.
//!
//! Nodes are eliminated one crossing wire at a time, from the open ends of the longer side's wires towards their
//! terminals. Behind the position reached, the array is an admittance `Y` between the long wires and a transfer `H`:
//! the terminal currents of the short wires passed, per unit voltage on each long wire. Then
//!
//! ```text
//! one more short wire:        Y <- Y + S,  H gets a column w     (a ladder of its own: `Ladder`)
//! a segment r of long wires:  [Y H] <- (1 + r Y)^-1 [Y H]
//! ```
//!
//! This is block elimination of the nodal equations, written in resistances: as r goes to 0 nothing cancels. Which side
//! is long does not matter: a network of resistors transfers the same both ways.

/// An array of crossings and its solution; the memory serves one array after another.
#[derive(Debug, Default)]
pub struct PlainArray {
    /// True if row wires are the long ones.
    rows_are_long: bool,
    /// Crossings of a long wire.
    along: usize,
    /// Long wires: crossings of a short wire.
    across: usize,
    /// `[position]`: resistance of a long wire's segment from there towards its terminal.
    long: Vec<f64>,
    /// `[position]`: the same of a short wire.
    short: Vec<f64>,
    /// `[position along][position across]`: conductances, counted from the open ends.
    cells: Vec<f64>,
    /// `[long wire][1 + r Y | Y | H]`.
    rows: Vec<f64>,
    /// The row that is subtracted from the others.
    pivot: Vec<f64>,
    ladder: Ladder,
}

/// One short wire with its cells: what it draws from the long wires, which are held at given voltages.
#[derive(Debug, Default)]
struct Ladder {
    /// `[segment][long wire]`: current through the segment per unit voltage, its far end at zero.
    currents: Vec<f64>,
    /// `[segment]`: share of a voltage at the far end that is left at the near one.
    shares: Vec<f64>,
    /// `[long wire]`: voltage at a node per unit voltage of each.
    voltages: Vec<f64>,
}

impl PlainArray {
    /// Takes up an array. `row_segments[column]`: resistance of the row wires' segments before a column, seen from the
    /// drivers; `column_segments[row]`: of the column wires' segments after a row, towards ground;
    /// `conductance(row, column)`.
    pub fn load(&mut self, row_segments: &[f64], column_segments: &[f64], conductance: impl Fn(usize, usize) -> f64) {
        let (rows, columns) = (column_segments.len(), row_segments.len());
        self.long.clear();
        self.short.clear();
        self.cells.clear();
        self.rows_are_long = columns >= rows;
        // Rows are open at their last column, columns at their first row.
        let from_last = (0..columns).rev();
        if self.rows_are_long {
            self.long.extend(row_segments.iter().rev());
            self.short.extend_from_slice(column_segments);
            self.cells.extend(from_last.flat_map(|column| (0..rows).map(move |row| (row, column))).map(|(row, column)| conductance(row, column)));
        } else {
            self.long.extend_from_slice(column_segments);
            self.short.extend(row_segments.iter().rev());
            self.cells.extend((0..rows).flat_map(|row| from_last.clone().map(move |column| (row, column))).map(|(row, column)| conductance(row, column)));
        }
        (self.along, self.across) = (self.long.len(), self.short.len());
        self.rows.clear();
        self.rows.resize(self.across * self.width(), 0.0);
        self.pivot.resize(self.width(), 0.0);
    }

    /// Solves the loaded array.
    #[inline(always)]
    pub fn solve(&mut self) {
        let (across, width) = (self.across, self.width());
        for position in 0..self.along {
            let end = 2 * across + position + 1;
            let cells = &self.cells[position * across..][..across];
            self.ladder.add(cells, &self.short, &mut self.rows, width, end - 1);
            let segment = self.long[position];
            for (wire, row) in self.rows.chunks_exact_mut(width).enumerate() {
                let (left, rest) = row.split_at_mut(across);
                left.iter_mut().zip(rest).for_each(|(left, y)| *left = segment * *y);
                left[wire] += 1.0;
            }
            eliminate(&mut self.rows, &mut self.pivot, across, width, end);
        }
    }

    /// The effective conductance of a cell: current at its column's ground per unit drive of its row.
    #[inline]
    pub fn effective(&self, row: usize, column: usize) -> f64 {
        let (wire, position) = if self.rows_are_long { (row, self.along - 1 - column) } else { (self.across - 1 - column, row) };
        self.rows[wire * self.width() + 2 * self.across + position]
    }

    fn width(&self) -> usize {
        2 * self.across + self.along
    }
}

/// Rows `[A | B]` to `[. | A^-1 B]` by Gauss-Jordan elimination, `A` in the first `across` of `width` columns and `B` in
/// those up to `end`. `A` is the identity plus a positive semidefinite matrix, so it needs no exchange of rows.
#[inline(always)]
fn eliminate(rows: &mut [f64], pivot: &mut [f64], across: usize, width: usize, end: usize) {
    for k in 0..across {
        let pivot = &mut pivot[k + 1..end];
        let row = &mut rows[k * width..][..end];
        let scale = 1.0 / row[k];
        for (p, value) in pivot.iter_mut().zip(&mut row[k + 1..]) {
            *value *= scale;
            *p = *value;
        }
        for (i, row) in rows.chunks_exact_mut(width).enumerate() {
            if i == k {
                continue;
            }
            let factor = row[k];
            for (value, p) in row[k + 1..end].iter_mut().zip(&*pivot) {
                *value -= factor * p;
            }
        }
    }
}

impl Ladder {
    /// Adds the short wire with `cells` and segments `short`, both from its open end to its terminal, to the `rows`
    /// `[. | Y | H]` of the long wires; its transfer becomes column `transfer` of them.
    #[inline(always)]
    fn add(&mut self, cells: &[f64], short: &[f64], rows: &mut [f64], width: usize, transfer: usize) {
        let across = cells.len();
        self.currents.resize(across * across, 0.0);
        self.shares.resize(across, 0.0);
        self.voltages.clear();
        self.voltages.resize(across, 0.0);
        // Towards the terminal: the part passed is a current source beside an admittance.
        let mut admittance = 0.0;
        for i in 0..across {
            let (before, here) = self.currents.split_at_mut(i * across);
            let here = &mut here[..across];
            match before.len().checked_sub(across) {
                Some(last) => here[..i].copy_from_slice(&before[last..][..i]),
                None => here.fill(0.0),
            }
            here[i] = cells[i];
            here[i + 1..].fill(0.0);
            admittance += cells[i];
            let share = 1.0 / (1.0 + short[i] * admittance);
            admittance *= share;
            here[..=i].iter_mut().for_each(|current| *current *= share);
            self.shares[i] = share;
        }
        // And back: node voltages, and with them what each long wire gives.
        for (long, row) in rows.chunks_exact_mut(width).enumerate() {
            row[transfer] = self.currents[(across - 1) * across + long];
        }
        for i in (0..across).rev() {
            let (share, segment, cell) = (self.shares[i], short[i], cells[i]);
            let given = &mut rows[i * width + across..][..across];
            for ((voltage, current), y) in self.voltages.iter_mut().zip(&self.currents[i * across..][..across]).zip(given.iter_mut()) {
                *voltage = *voltage * share + segment * current;
                *y -= cell * *voltage;
            }
            given[i] += cell;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::nodal::plain_by_nodal_analysis;
    use super::*;
    use crate::rng::PhiloxStream;
    use rand::RngExt;

    /// Resistances and conductances of a random array; some cells are open, and gaps between wires are many segments.
    fn random(rng: &mut PhiloxStream, rows: usize, columns: usize, ohms: f64) -> ([Vec<f64>; 2], Vec<f64>) {
        let mut gaps = |count: usize| (0..count).map(|_| ohms * f64::from([1, 1, 1, 9, 120][rng.random_range(0..5)])).collect::<Vec<f64>>();
        let segments = [gaps(columns), gaps(rows)];
        let cell = |rng: &mut PhiloxStream| [0.0, 0.01, 1.0, rng.random::<f64>()][rng.random_range(0..4)];
        (segments, (0..rows * columns).map(|_| cell(rng)).collect())
    }

    #[test]
    fn nodal_analysis_agrees() {
        let mut rng = PhiloxStream::new(31);
        let mut array = PlainArray::default();
        for (rows, columns) in [(1, 1), (1, 7), (6, 1), (2, 3), (5, 4), (9, 9), (9, 16), (17, 8), (3, 30), (20, 12)] {
            for ohms in [1e-7, 1e-4, 1e-2, 0.3] {
                let ([row_segments, column_segments], cells) = random(&mut rng, rows, columns, ohms);
                array.load(&row_segments, &column_segments, |r, c| cells[r * columns + c]);
                array.solve();
                let expected = plain_by_nodal_analysis(&row_segments, &column_segments, &cells);
                for (i, &exact) in expected.iter().enumerate() {
                    let got = array.effective(i / columns, i % columns);
                    // Nodal equations lose digits where wires conduct far better than cells; these do not.
                    let tolerance = if ohms < 1e-5 { 1e-8 } else { 1e-10 };
                    assert!((got - exact).abs() < tolerance, "{rows} x {columns}, {ohms}: {got} {exact}");
                    assert!(got >= -1e-15);
                }
            }
        }
    }

    /// Without resistance cells stay what they are; with it a column carries less, and the more so the higher it is.
    #[test]
    fn wires_take_current_away() {
        let mut rng = PhiloxStream::new(32);
        let (_, cells) = random(&mut rng, 9, 40, 1.0);
        let column_current = |array: &PlainArray, column: usize| (0..9).map(|row| array.effective(row, column)).sum::<f64>();
        let mut former: Option<Vec<f64>> = None;
        for ohms in [0.0, 1e-9, 1e-5, 1e-3, 0.1, 10.0] {
            let mut array = PlainArray::default();
            array.load(&[ohms; 40], &[ohms; 9], |r, c| cells[r * 40 + c]);
            array.solve();
            if ohms < 1e-8 {
                (0..360).for_each(|i| assert!((array.effective(i / 40, i % 40) - cells[i]).abs() <= 1e3 * ohms, "cell {i}"));
            }
            let currents: Vec<f64> = (0..40).map(|c| column_current(&array, c)).collect();
            if let Some(former) = former {
                assert!(currents.iter().zip(&former).all(|(now, before)| now <= &(before + 1e-15)), "{ohms}");
            }
            former = Some(currents);
        }
    }
}
