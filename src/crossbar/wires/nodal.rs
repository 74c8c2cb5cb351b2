//! Nodal analysis of one array: what the solutions of this folder are held to.

use super::resistors::Network;

/// `[row][column]`: current at the column's ground with one row driven. Arguments as of [`super::plain::PlainArray::load`].
pub fn plain_by_nodal_analysis(row_segments: &[f64], column_segments: &[f64], cells: &[f64]) -> Vec<f64> {
    let (rows, columns) = (column_segments.len(), row_segments.len());
    let (row_node, column_node) = (|r: usize, c: usize| r * columns + c, |r: usize, c: usize| (rows + r) * columns + c);
    let mut effective = Vec::new();
    for driven in 0..rows {
        let mut network = Network::new(2 * rows * columns);
        for (r, c) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
            network.join(row_node(r, c), column_node(r, c), cells[r * columns + c]);
            match c {
                0 => network.fix(row_node(r, c), f64::from(u8::from(r == driven)), 1.0 / row_segments[0]),
                _ => network.join(row_node(r, c - 1), row_node(r, c), 1.0 / row_segments[c]),
            }
            match r + 1 == rows {
                true => network.fix(column_node(r, c), 0.0, 1.0 / column_segments[r]),
                false => network.join(column_node(r, c), column_node(r + 1, c), 1.0 / column_segments[r]),
            }
        }
        let voltages = network.solve();
        effective.extend((0..columns).map(|c| voltages[column_node(rows - 1, c)] / column_segments[rows - 1]));
    }
    effective
}

/// Current of one gated column: rows of `cells` that are `on`, `above` the resistance from the supply to the first row,
/// `segment` between rows, `below` from the last row to ground.
pub fn gated_by_nodal_analysis(cells: &[f64], on: &[bool], above: f64, segment: f64, below: f64) -> f64 {
    let rows = cells.len();
    let mut network = Network::new(2 * rows);
    network.fix(0, 1.0, 1.0 / above);
    network.fix(2 * rows - 1, 0.0, 1.0 / below);
    for r in 0..rows {
        if on[r] {
            network.join(r, rows + r, cells[r]);
        }
        if r > 0 {
            network.join(r - 1, r, 1.0 / segment);
            network.join(rows + r - 1, rows + r, 1.0 / segment);
        }
    }
    network.solve()[2 * rows - 1] / below
}
