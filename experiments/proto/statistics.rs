//! proto
use bwq::network::matmul::matmul;
use rayon::prelude::*;

/// Second moments of one group of a layer's inputs and targets.
pub struct Statistics {
    pub rows: usize,
    pub outputs: usize,
    pub samples: f64,
    /// centred, per sample
    pub gram: Vec<f64>,
    /// `[output][row]` centred, per sample
    pub cross: Vec<f64>,
    pub mean_input: Vec<f64>,
    pub mean_target: Vec<f64>,
    pub var_target: Vec<f64>,
}

/// columns: per image chunk: (X [rows][s], T [outputs][s])
pub fn statistics(rows: usize, outputs: usize, chunks: usize, chunk: &(dyn Fn(usize) -> (Vec<f32>, Vec<f32>) + Sync)) -> Statistics {
    let parts: Vec<(usize, Vec<f32>, Vec<f32>, Vec<f64>, Vec<f64>, Vec<f64>)> = (0..chunks)
        .into_par_iter()
        .map(|c| {
            let (x, t) = chunk(c);
            let s = x.len() / rows;
            let mut xt = vec![0.0f32; x.len()];
            for (k, row) in x.chunks_exact(s).enumerate() {
                for (i, &v) in row.iter().enumerate() {
                    xt[i * rows + k] = v;
                }
            }
            let mut gram = vec![0.0; rows * rows];
            matmul(&x, &xt, &mut gram, rows, s, rows);
            let mut cross = vec![0.0; outputs * rows];
            matmul(&t, &xt, &mut cross, outputs, s, rows);
            let sum = |v: &[f32]| v.chunks_exact(s).map(|r| r.iter().map(|&v| f64::from(v)).sum::<f64>()).collect::<Vec<f64>>();
            let squares = t.chunks_exact(s).map(|r| r.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>()).collect();
            (s, gram, cross, sum(&x), sum(&t), squares)
        })
        .collect();
    let mut out = Statistics { rows, outputs, samples: 0.0, gram: vec![0.0; rows * rows], cross: vec![0.0; outputs * rows], mean_input: vec![0.0; rows], mean_target: vec![0.0; outputs], var_target: vec![0.0; outputs] };
    for (s, g, c, x, t, tt) in parts {
        out.samples += s as f64;
        out.gram.iter_mut().zip(&g).for_each(|(a, &b)| *a += f64::from(b));
        out.cross.iter_mut().zip(&c).for_each(|(a, &b)| *a += f64::from(b));
        out.mean_input.iter_mut().zip(&x).for_each(|(a, b)| *a += b);
        out.mean_target.iter_mut().zip(&t).for_each(|(a, b)| *a += b);
        out.var_target.iter_mut().zip(&tt).for_each(|(a, b)| *a += b);
    }
    let n = out.samples;
    out.mean_input.iter_mut().for_each(|v| *v /= n);
    out.mean_target.iter_mut().for_each(|v| *v /= n);
    for i in 0..rows {
        for j in 0..rows {
            out.gram[i * rows + j] = out.gram[i * rows + j] / n - out.mean_input[i] * out.mean_input[j];
        }
    }
    for o in 0..outputs {
        for j in 0..rows {
            out.cross[o * rows + j] = out.cross[o * rows + j] / n - out.mean_target[o] * out.mean_input[j];
        }
        out.var_target[o] = out.var_target[o] / n - out.mean_target[o] * out.mean_target[o];
    }
    out
}
