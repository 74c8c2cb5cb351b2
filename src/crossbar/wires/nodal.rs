//! Nodal analysis by dense elimination with exchange of rows: what the solutions of this folder are held to.

/// Nodes, joined to each other and to terminals of fixed voltage.
struct Network {
    nodes: usize,
    /// `[node][node]`.
    admittance: Vec<f64>,
    /// Current into each node with the other nodes at zero.
    injected: Vec<f64>,
}

impl Network {
    fn new(nodes: usize) -> Self {
        Network { nodes, admittance: vec![0.0; nodes * nodes], injected: vec![0.0; nodes] }
    }

    fn join(&mut self, a: usize, b: usize, conductance: f64) {
        for (row, column, sign) in [(a, a, 1.0), (b, b, 1.0), (a, b, -1.0), (b, a, -1.0)] {
            self.admittance[row * self.nodes + column] += sign * conductance;
        }
    }

    fn fix(&mut self, node: usize, voltage: f64, conductance: f64) {
        self.admittance[node * self.nodes + node] += conductance;
        self.injected[node] += conductance * voltage;
    }

    /// Voltages of all nodes.
    fn solve(&self) -> Vec<f64> {
        let n = self.nodes;
        let (mut a, mut x) = (self.admittance.clone(), self.injected.clone());
        for k in 0..n {
            let best = (k..n).max_by(|&i, &j| a[i * n + k].abs().total_cmp(&a[j * n + k].abs())).unwrap_or(k);
            for j in 0..n {
                a.swap(k * n + j, best * n + j);
            }
            x.swap(k, best);
            for i in k + 1..n {
                let factor = a[i * n + k] / a[k * n + k];
                for j in k..n {
                    a[i * n + j] -= factor * a[k * n + j];
                }
                x[i] -= factor * x[k];
            }
        }
        for k in (0..n).rev() {
            let known: f64 = (k + 1..n).map(|j| a[k * n + j] * x[j]).sum();
            x[k] = (x[k] - known) / a[k * n + k];
        }
        x
    }
}

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
