//! Networks of resistors solved by dense elimination with exchange of rows: what wires are held to, in the crate's own tests too.

/// Nodes, joined to each other and to terminals of fixed voltage.
pub struct Network {
    nodes: usize,
    /// `[node][node]`.
    admittance: Vec<f64>,
    /// Current into each node with the other nodes at zero.
    injected: Vec<f64>,
}

impl Network {
    /// Nodes that nothing joins yet.
    pub fn new(nodes: usize) -> Self {
        Network { nodes, admittance: vec![0.0; nodes * nodes], injected: vec![0.0; nodes] }
    }

    /// A resistor between two nodes.
    pub fn join(&mut self, a: usize, b: usize, conductance: f64) {
        for (row, column, sign) in [(a, a, 1.0), (b, b, 1.0), (a, b, -1.0), (b, a, -1.0)] {
            self.admittance[row * self.nodes + column] += sign * conductance;
        }
    }

    /// A resistor from a node to a terminal of fixed voltage.
    pub fn fix(&mut self, node: usize, voltage: f64, conductance: f64) {
        self.admittance[node * self.nodes + node] += conductance;
        self.injected[node] += conductance * voltage;
    }

    /// Voltages of all nodes.
    pub fn solve(&self) -> Vec<f64> {
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
                if factor != 0.0 {
                    (k..n).for_each(|j| a[i * n + j] -= factor * a[k * n + j]);
                    x[i] -= factor * x[k];
                }
            }
        }
        for k in (0..n).rev() {
            let known: f64 = (k + 1..n).map(|j| a[k * n + j] * x[j]).sum();
            x[k] = (x[k] - known) / a[k * n + k];
        }
        x
    }
}
