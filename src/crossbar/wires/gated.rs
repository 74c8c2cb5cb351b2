//! The gated topology: a supply wire beside each column wire, and a cell between the two in every row whose input is on.
//!
//! Columns do not see each other, but a column's current depends on all of its inputs. The rows passed, from the supply
//! downwards, join three points: the source and the ends of the two wires reached. Three points of resistors are a
//! star, so a row more is a star again: a triangle with the row's cell is turned into one. All terms are positive, so
//! nothing cancels.
//!
//! `N` columns go side by side, in plain loops that a compiler turns into vector instructions.

/// The rows passed, of `N` columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Star<const N: usize> {
    /// Resistance from the source to the centre.
    source: [f64; N],
    /// From the centre to the end of the supply wire.
    supply: [f64; N],
    /// Conductance from the centre to the end of the column wire; 0 until a cell joins them.
    column: [f64; N],
}

impl<const N: usize> Star<N> {
    /// The supply wire alone, as far as the first row: a resistance of `above`.
    pub fn new(above: f64) -> Self {
        Star { source: [0.0; N], supply: [above; N], column: [0.0; N] }
    }

    /// Joins the ends of the wires by cells.
    #[inline(always)]
    pub fn join(&mut self, cells: &[f64; N]) {
        for i in 0..N {
            let column = self.column[i] + cells[i] * (1.0 + self.supply[i] * self.column[i]);
            // An open cell on a column that no cell has joined yet changes nothing.
            let is_open = column == 0.0;
            let inverse = 1.0 / if is_open { 1.0 } else { column };
            self.source[i] += cells[i] * self.supply[i] * inverse;
            self.supply[i] = if is_open { self.supply[i] } else { self.supply[i] * (self.column[i] * inverse) };
            self.column[i] = column;
        }
    }

    /// Goes down one segment of both wires.
    #[inline(always)]
    pub fn descend(&mut self, segment: f64) {
        for i in 0..N {
            self.supply[i] += segment;
            self.column[i] /= 1.0 + segment * self.column[i];
        }
    }

    /// The currents of the columns at a supply of 1, their ends `below` away from ground.
    #[inline(always)]
    pub fn currents(&self, below: f64) -> [f64; N] {
        let mut currents = [0.0; N];
        for i in 0..N {
            currents[i] = self.column[i] / (1.0 + self.column[i] * (self.source[i] + below));
        }
        currents
    }
}

#[cfg(test)]
mod tests {
    use super::super::nodal::gated_by_nodal_analysis;
    use super::*;
    use crate::rng::PhiloxStream;
    use rand::RngExt;

    #[test]
    fn nodal_analysis_agrees() {
        let mut rng = PhiloxStream::new(33);
        for rows in [1, 2, 3, 9, 12] {
            for ohms in [1e-4, 1e-2, 0.3] {
                for _ in 0..40 {
                    let cells: Vec<f64> = (0..rows).map(|_| [0.0, 0.01, 1.0, rng.random()][rng.random_range(0..4)]).collect();
                    let on: Vec<bool> = (0..rows).map(|_| rng.random()).collect();
                    let [above, below] = [1, 1].map(|_| ohms * f64::from(rng.random_range(1..120)));
                    let mut star = Star::<1>::new(above);
                    for row in 0..rows {
                        if row > 0 {
                            star.descend(ohms);
                        }
                        if on[row] {
                            star.join(&[cells[row]]);
                        }
                    }
                    let (got, exact) = (star.currents(below)[0], gated_by_nodal_analysis(&cells, &on, above, ohms, below));
                    assert!((got - exact).abs() < 1e-10, "{got} {exact}: {cells:?} {on:?} {above} {ohms} {below}");
                    let sum: f64 = (0..rows).filter(|&row| on[row]).map(|row| cells[row]).sum();
                    assert!((0.0..=sum).contains(&got));
                }
            }
        }
    }

    #[test]
    fn no_resistance_is_no_wire() {
        let mut star = Star::<2>::new(0.0);
        star.join(&[0.25, 0.0]);
        star.descend(0.0);
        star.join(&[1.0, 0.0]);
        assert_eq!(star.currents(0.0), [1.25, 0.0]);
    }
}
