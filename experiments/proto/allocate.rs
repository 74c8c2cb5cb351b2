//! proto
use rayon::prelude::*;

/// upper factors of a group: U with inverse(H) = U^T U in processing order; `order[i]` = row
pub struct Factor {
    pub upper: Vec<f64>,
}

pub struct Job<'a> {
    pub rows: usize,
    /// block rows, in order of processing: lists of rows
    pub block_rows: &'a [(usize, Vec<usize>)],
    /// per group
    pub factors: &'a [Factor],
    pub outputs_per_group: usize,
    /// `[output][row]`
    pub target: &'a [f64],
    pub step: &'a [f64],
    /// importance of an output's squared error
    pub weight: &'a [f64],
    /// cost of one bit of one weight
    pub price: f64,
    pub block_columns: usize,
    pub max_bits: u32,
    pub fixed: Option<u32>,
}

#[derive(Clone)]
pub struct Allocation {
    /// `[output][row]`
    pub values: Vec<i32>,
    /// `[block row][block column]`
    pub bits: Vec<Vec<u8>>,
    pub distortion: f64,
    /// sum of bits x weights
    pub rate: f64,
}

pub fn allocate(job: &Job) -> Allocation {
    let outputs = job.target.len() / job.rows;
    let columns: Vec<(Vec<i32>, Vec<u8>, f64, f64)> =
        (0..outputs.div_ceil(job.block_columns)).into_par_iter().map(|c| column(job, c * job.block_columns..((c + 1) * job.block_columns).min(outputs))).collect();
    let mut out = Allocation { values: Vec::new(), bits: vec![Vec::new(); job.block_rows.len()], distortion: 0.0, rate: 0.0 };
    for (values, bits, d, r) in columns {
        out.values.extend(values);
        out.bits.iter_mut().zip(bits).for_each(|(row, b)| row.push(b));
        out.distortion += d;
        out.rate += r;
    }
    out
}

fn column(job: &Job, outputs: std::ops::Range<usize>) -> (Vec<i32>, Vec<u8>, f64, f64) {
    let k = job.rows;
    let order: Vec<usize> = job.block_rows.iter().flat_map(|(_, r)| r.iter().copied()).collect();
    // in processing order
    let mut w: Vec<Vec<f64>> = outputs.clone().map(|n| order.iter().map(|&r| job.target[n * k + r]).collect()).collect();
    let mut values = vec![0i32; outputs.len() * k];
    let mut bits = vec![0u8; job.block_rows.len()];
    let (mut distortion, mut rate) = (0.0, 0.0);
    let mut first = 0;
    for (index, rows) in job.block_rows {
        let len = rows.len();
        let weights = (len * outputs.len()) as f64;
        let mut best: Option<(f64, u32, f64, Vec<(Vec<i32>, Vec<f64>)>)> = None;
        let range = job.fixed.map_or(0..=job.max_bits, |f| f..=f);
        for p in range {
            let top = f64::from((1i32 << p) - 1);
            let mut loss = 0.0;
            let mut tried = Vec::with_capacity(outputs.len());
            for (i, n) in outputs.clone().enumerate() {
                let u = &job.factors[n / job.outputs_per_group].upper;
                let (q, err, l) = row_block(&w[i][first..first + len], u, k, first, job.step[n], top);
                loss += l * job.weight[n];
                tried.push((q, err));
            }
            let needed = if job.fixed.is_some() { p } else {
                let most = tried.iter().flat_map(|t| &t.0).map(|v| v.unsigned_abs()).max().unwrap_or(0);
                32 - most.leading_zeros()
            };
            let cost = loss + job.price * f64::from(needed) * weights;
            if best.as_ref().is_none_or(|b| cost < b.0) {
                best = Some((cost, needed, loss, tried));
            }
            if needed < p { break; }
        }
        let Some((_, p, loss, tried)) = best else { continue };
        bits[*index] = p as u8;
        distortion += loss;
        rate += f64::from(p) * weights;
        for (i, (q, err)) in tried.into_iter().enumerate() {
            let n = outputs.start + i;
            let u = &job.factors[n / job.outputs_per_group].upper;
            for (r, q) in rows.iter().zip(&q) {
                values[i * k + r] = *q;
            }
            let rest = &mut w[i][first + len..];
            for (a, e) in err.iter().enumerate() {
                if *e != 0.0 {
                    let row = &u[(first + a) * k + first + len..(first + a + 1) * k];
                    rest.iter_mut().zip(row).for_each(|(w, u)| *w -= e * u);
                }
            }
        }
        first += len;
    }
    (values, bits, distortion, rate)
}

/// (integers, errors / U_ii, loss)
fn row_block(w: &[f64], u: &[f64], k: usize, first: usize, step: f64, top: f64) -> (Vec<i32>, Vec<f64>, f64) {
    let mut w = w.to_vec();
    let len = w.len();
    let (mut q, mut errors, mut loss) = (vec![0; len], vec![0.0; len], 0.0);
    for a in 0..len {
        let row = &u[(first + a) * k..];
        let integer = (w[a] / step).round_ties_even().clamp(-top, top);
        q[a] = integer as i32;
        let e = (w[a] - integer * step) / row[first + a];
        errors[a] = e;
        loss += e * e;
        for b in a + 1..len {
            w[b] -= e * row[first + b];
        }
    }
    (q, errors, loss)
}
