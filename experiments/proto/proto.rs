//! proto
use crate::allocate::{Allocation, Factor, Job, allocate};
use crate::linear;
use crate::statistics::{Statistics, statistics};
use bwq::dataset::{Dataset, Pixels};
use bwq::network::{Network, Op, Source, float};
use rayon::prelude::*;

pub struct Options {
    pub images: usize,
    pub positions: usize,
    pub damp: f64,
    pub asym: bool,
    pub skip: bool,
    pub refit: usize,
    pub channel: String,
    pub alpha: f64,
    pub max_bits: u32,
    pub fixed_uniform: Option<u32>,
    pub layerwise: bool,
    pub plain: bool,
    pub block: [usize; 2],
    pub act_order: bool,
    pub verbose: bool,
}

pub struct LayerResult {
    pub name: String,
    pub node: usize,
    pub weights: usize,
    pub positions: usize,
    pub rate: f64,
    pub distortion: f64,
    pub relative: f64,
    pub bits: Vec<Vec<u8>>,
    pub step: f64,
}

fn geometry(network: &Network, node: usize) -> (usize, usize, usize, usize) {
    let n = &network.nodes[node];
    match &n.op {
        Op::Conv2d { weight, groups, .. } => (weight.shape[1..].iter().product(), weight.shape[0], *groups, n.out_shape[1] * n.out_shape[2]),
        Op::Linear { weight, .. } => (weight.shape[1], weight.shape[0], 1, 1),
        _ => (0, 0, 1, 1),
    }
}

/// X [rows][positions sampled] of one image
fn columns(network: &Network, node: usize, group: usize, input: &[f32], at: &[usize]) -> Vec<f32> {
    let n = &network.nodes[node];
    let shape = network.shape_of(n.inputs[0]);
    match &n.op {
        Op::Conv2d { weight, stride, pad, dilation, .. } => {
            let [_, cpg, kh, kw] = weight.shape[..] else { unreachable!() };
            let (h, w) = (shape[1], shape[2]);
            let ow = n.out_shape[2];
            let mut out = Vec::with_capacity(cpg * kh * kw * at.len());
            for c in 0..cpg {
                let plane = &input[(group * cpg + c) * h * w..][..h * w];
                for ky in 0..kh {
                    for kx in 0..kw {
                        for &p in at {
                            let y = (p / ow * stride[0] + ky * dilation[0]) as isize - pad[0] as isize;
                            let x = (p % ow * stride[1] + kx * dilation[1]) as isize - pad[1] as isize;
                            let inside = y >= 0 && x >= 0 && (y as usize) < h && (x as usize) < w;
                            out.push(if inside { plane[y as usize * w + x as usize] } else { 0.0 });
                        }
                    }
                }
            }
            out
        }
        _ => input.to_vec(),
    }
}

fn position(s: &Source) -> usize {
    match s {
        Source::Input => 0,
        Source::Node(i) => i + 1,
    }
}

/// Quantises the whole network; price = lambda; sens per layer (node index -> s).
pub fn quantise(net: &Network, raw_factor: &dyn Fn(usize) -> Option<Vec<f64>>, data: &Dataset, o: &Options, lambda: f64, sens: &dyn Fn(usize) -> f64, outw: &dyn Fn(usize) -> Option<Vec<f64>>, only: Option<usize>) -> (Network, Vec<LayerResult>) {
    let images = o.images.min(data.calibration_len());
    let mut quant = net.clone();
    let mut results = Vec::new();
    let count = net.nodes.len();
    // [value][image]
    let inputs: Vec<Vec<f32>> = (0..images).into_par_iter().map(|i| float::normalise(net, &Pixels::clone(&data.calibration), i)).collect::<Vec<_>>();
    let mut f: Vec<Vec<Vec<f32>>> = vec![Vec::new(); count + 1];
    let mut q: Vec<Vec<Vec<f32>>> = vec![Vec::new(); count + 1];
    q[0] = inputs.clone();
    f[0] = inputs;
    let mut last = vec![0; count + 1];
    for (i, n) in net.nodes.iter().enumerate() {
        for s in &n.inputs {
            last[position(s)] = i;
        }
    }
    // keep skip branches until the add: last use covers.
    let run = |network: &Network, node: usize, values: &[Vec<Vec<f32>>]| -> Vec<Vec<f32>> {
        let n = &network.nodes[node];
        let packed = float::pack(n);
        (0..images).into_par_iter().map(|i| {
            let ins: Vec<(&[f32], &[usize])> = n.inputs.iter().map(|s| (values[position(s)][i].as_slice(), network.shape_of(*s))).collect();
            float::compute(n, &ins, &packed)
        }).collect()
    };
    for node in 0..count {
        let out = run(net, node, &f);
        f[node + 1] = out;
        let (rows, outputs, groups, positions) = geometry(net, node);
        if rows > 0 && only.is_none_or(|x| x == node) {
            let source = position(&net.nodes[node].inputs[0]);
            let sampled = o.positions.min(positions);
            let per = 8;
            let weight = match &net.nodes[node].op { Op::Conv2d { weight, .. } | Op::Linear { weight, .. } => weight.clone(), _ => unreachable!() };
            // other branch of an addition
            let skip = if o.skip {
                net.nodes.iter().find(|n| n.op == Op::Add && n.inputs.iter().any(|s| position(s) == node + 1)).and_then(|add| {
                    let other = add.inputs.iter().map(position).find(|&p| p != node + 1)?;
                    (other <= node && !q[other].is_empty() && other != 0).then_some(other)
                })
            } else { None };
            let gn = outputs / groups;
            let mut stats: Vec<Statistics> = Vec::new();
            for g in 0..groups {
                let chunk = |c: usize| {
                    let (lo, hi) = (c * per, ((c + 1) * per).min(images));
                    let s = (hi - lo) * sampled;
                    let mut x = vec![0.0; rows * s];
                    let mut t = vec![0.0; gn * s];
                    for i in lo..hi {
                        let at: Vec<usize> = (0..sampled).map(|j| {
                            if sampled == positions { j } else {
                                // stratified, deterministic
                                let h = (i as u64 * 1_000_003 + j as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
                                let stratum = positions / sampled;
                                j * stratum + h as usize % stratum
                            }
                        }).collect();
                        let cx = columns(net, node, g, if o.asym { &q[source][i] } else { &f[source][i] }, &at);
                        for k in 0..rows {
                            x[k * s + (i - lo) * sampled..][..sampled].copy_from_slice(&cx[k * sampled..(k + 1) * sampled]);
                        }
                        for n in 0..gn {
                            for (j, &p) in at.iter().enumerate() {
                                let index = (g * gn + n) * positions + p;
                                let mut v = f[node + 1][i][index];
                                if let Some(other) = skip {
                                    v += f[other][i][index] - q[other][i][index];
                                }
                                t[n * s + (i - lo) * sampled + j] = v;
                            }
                        }
                    }
                    (x, t)
                };
                stats.push(statistics(rows, gn, images.div_ceil(per), &chunk));
            }
            let (values, scale, bias, result) = layer(net, node, &weight.values, rows, outputs, &stats, raw_factor(node), o, lambda, sens(node), outw(node));
            if let Op::Conv2d { weight, bias: b, .. } | Op::Linear { weight, bias: b } = &mut quant.nodes[node].op {
                for (i, v) in weight.values.iter_mut().enumerate() {
                    *v = (f64::from(values[i]) * scale[i / rows]) as f32;
                }
                *b = Some(bias.iter().map(|&v| v as f32).collect());
            }
            if o.verbose {
                println!("{:24} rows {rows:4} out {outputs:4} mean bits {:.3} rel err {:.5} step {:.4}", result.name, result.rate / result.weights as f64, result.relative, result.step);
            }
            results.push(LayerResult { positions, ..result });
        }
        let out = run(&quant, node, &q);
        q[node + 1] = out;
        for s in &net.nodes[node].inputs {
            if last[position(s)] == node && position(s) != 0 {
                f[position(s)] = Vec::new();
                q[position(s)] = Vec::new();
            }
        }
    }
    (quant, results)
}

fn layer(net: &Network, node: usize, weights: &[f32], rows: usize, outputs: usize, stats: &[Statistics], raw: Option<Vec<f64>>, o: &Options, lambda: f64, sens: f64, outw: Option<Vec<f64>>) -> (Vec<i32>, Vec<f64>, Vec<f64>, LayerResult) {
    let gn = outputs / stats.len();
    // order of block rows by mean diagonal
    let br = rows.div_ceil(o.block[0]);
    let diag = |r: usize| stats.iter().map(|s| s.gram[r * rows + r]).sum::<f64>();
    let mut block_rows: Vec<(usize, Vec<usize>)> = (0..br).map(|b| {
        let mut rs: Vec<usize> = (b * o.block[0]..((b + 1) * o.block[0]).min(rows)).collect();
        if o.act_order { rs.sort_by(|a, b| diag(*b).total_cmp(&diag(*a))); }
        (b, rs)
    }).collect();
    if o.act_order {
        let s = |x: &(usize, Vec<usize>)| x.1.iter().map(|&r| diag(r)).sum::<f64>() / x.1.len() as f64;
        block_rows.sort_by(|a, b| s(b).total_cmp(&s(a)));
    }
    let order: Vec<usize> = block_rows.iter().flat_map(|b| b.1.iter().copied()).collect();
    let mut target = vec![0.0; outputs * rows];
    let mut damped = Vec::new();
    let mut factors = Vec::new();
    for (g, s) in stats.iter().enumerate() {
        let mean = (0..rows).map(|r| s.gram[r * rows + r]).sum::<f64>() / rows as f64;
        let delta = o.damp * mean.max(1e-12);
        let mut h = s.gram.clone();
        (0..rows).for_each(|r| h[r * rows + r] += delta);
        let l = linear::cholesky(&h, rows).expect("positive");
        for n in 0..gn {
            let mut b: Vec<f64> = (0..rows).map(|r| s.cross[n * rows + r] + delta * f64::from(weights[(g * gn + n) * rows + r])).collect();
            linear::solve(&l, rows, &mut b);
            target[(g * gn + n) * rows..][..rows].copy_from_slice(&b);
        }
        // permuted
        let mut hp = vec![0.0; rows * rows];
        for (i, &a) in order.iter().enumerate() {
            for (j, &b) in order.iter().enumerate() {
                hp[i * rows + j] = h[a * rows + b];
            }
        }
        let inv = linear::inverse(&linear::cholesky(&hp, rows).expect("positive"), rows);
        let li = linear::cholesky(&inv, rows).expect("positive");
        let mut upper = vec![0.0; rows * rows];
        for i in 0..rows { for j in i..rows { upper[i * rows + j] = li[j * rows + i]; } }
        factors.push(Factor { upper });
        damped.push(h);
    }
    let rms = |v: &[f64]| (v.iter().map(|x| x * x).sum::<f64>() / v.len() as f64).sqrt();
    let max = |v: &[f64]| v.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    let mut profile: Vec<f64> = match o.channel.as_str() {
        "raw" => raw.map(|r| r.iter().map(|v| v.abs()).collect()).unwrap_or_else(|| vec![1.0; outputs]),
        "rms" => target.chunks(rows).map(|t| rms(t).max(1e-12)).collect(),
        "max" => target.chunks(rows).map(|t| max(t).max(1e-12)).collect(),
        _ => vec![1.0; outputs],
    };
    let mean_log = (profile.iter().map(|p| p.max(1e-12).ln()).sum::<f64>() / outputs as f64).exp();
    profile.iter_mut().for_each(|p| *p = (*p / mean_log).max(1e-3).powf(o.alpha));
    let importance: Vec<f64> = match outw { Some(v) => v, None => vec![sens; outputs] };
    let scaled: Vec<f64> = target.chunks(rows).zip(&profile).flat_map(|(t, p)| t.iter().map(move |v| v / p)).collect();
    let (spread, largest) = (rms(&scaled), max(&scaled));
    if o.plain {
        let p = o.fixed_uniform.unwrap();
        let original: Vec<f64> = weights.iter().enumerate().map(|(i, w)| f64::from(*w) / profile[i / rows]).collect();
        let top = f64::from((1 << p) - 1);
        let step = max(&original) / top;
        let values: Vec<i32> = original.iter().map(|w| (w / step).round_ties_even().clamp(-top, top) as i32).collect();
        let scale: Vec<f64> = profile.iter().map(|p| p * step).collect();
        let old = match &net.nodes[node].op { Op::Conv2d { bias, .. } | Op::Linear { bias, .. } => bias.clone().unwrap_or(vec![0.0; outputs]), _ => vec![] };
        let mut bits = vec![vec![0u8; outputs.div_ceil(o.block[1])]; br];
        for (i, v) in values.iter().enumerate() {
            let b = &mut bits[i % rows / o.block[0]][i / rows / o.block[1]];
            *b = (*b).max((32 - v.unsigned_abs().leading_zeros()) as u8);
        }
        let rate = values.iter().enumerate().map(|(i, _)| f64::from(bits[i % rows / o.block[0]][i / rows / o.block[1]])).sum();
        return (values, scale, old.iter().map(|&b| f64::from(b)).collect(), LayerResult { name: net.nodes[node].name.clone(), node, weights: outputs * rows, positions: 0, rate, distortion: 0.0, relative: 0.0, bits, step });
    }
    let try_step = |step: f64, profile: &[f64], fixed: Option<u32>| {
        let steps: Vec<f64> = profile.iter().map(|p| p * step).collect();
        allocate(&Job { rows, block_rows: &block_rows, factors: &factors, outputs_per_group: gn, target: &target, step: &steps, weight: &importance, price: lambda, block_columns: o.block[1], max_bits: o.max_bits, fixed })
    };
    let search = |profile: &[f64]| -> (f64, f64, Allocation) {
        let mut best: Option<(f64, f64, Allocation)> = None;
        let mut consider = |step: f64, fixed: Option<u32>| {
            let a = try_step(step, profile, fixed);
            let cost = a.distortion + lambda * a.rate;
            if best.as_ref().is_none_or(|b| cost < b.0) {
                best = Some((cost, step, a));
            }
        };
        if let Some(p) = o.fixed_uniform {
            // step by least error at p bits
            for i in 0..16 {
                consider(largest / f64::from((1 << p) - 1) * 0.9f64.powi(i), Some(p));
            }
        } else if o.layerwise {
            for p in 1..=o.max_bits {
                for i in 0..16 {
                    consider(largest / f64::from((1 << p) - 1) * 0.9f64.powi(i), Some(p));
                }
            }
        } else {
            for i in 0..28 {
                consider(spread * 0.05 * 1.18f64.powi(i), None);
            }
        }
        best.expect("a step")
    };
    let (mut cost, mut step, mut a) = search(&profile);
    let mut steps: Vec<f64> = profile.iter().map(|p| p * step).collect();
    for _ in 0..o.refit {
        let mut new = steps.clone();
        for n in 0..outputs {
            let h = &damped[n / gn];
            let v: Vec<f64> = a.values[n * rows..(n + 1) * rows].iter().map(|&v| f64::from(v)).collect();
            let hv: Vec<f64> = h.chunks(rows).map(|r| linear::dot(r, &v)).collect();
            let (qq, qw) = (linear::dot(&hv, &v), linear::dot(&hv, &target[n * rows..(n + 1) * rows]));
            if qq > 0.0 && qw > 0.0 { new[n] = qw / qq; }
        }
        let p2: Vec<f64> = new.iter().map(|v| v / step).collect();
        let (c2, s2, a2) = { let a = try_step(step, &p2, o.fixed_uniform); (a.distortion + lambda * a.rate, step, a) };
        if c2 < cost { cost = c2; step = s2; a = a2; steps = new; } else { break; }
    }
    // final scale refit (free)
    for n in 0..outputs {
        let h = &damped[n / gn];
        let v: Vec<f64> = a.values[n * rows..(n + 1) * rows].iter().map(|&v| f64::from(v)).collect();
        let hv: Vec<f64> = h.chunks(rows).map(|r| linear::dot(r, &v)).collect();
        let (qq, qw) = (linear::dot(&hv, &v), linear::dot(&hv, &target[n * rows..(n + 1) * rows]));
        if qq > 0.0 && qw > 0.0 { steps[n] = qw / qq; }
    }
    let mut error = 0.0; let mut var = 0.0;
    let bias: Vec<f64> = (0..outputs).map(|n| {
        let s = &stats[n / gn];
        let local = n % gn;
        let qv: Vec<f64> = a.values[n * rows..(n + 1) * rows].iter().map(|&v| f64::from(v) * steps[n]).collect();
        let hv: Vec<f64> = s.gram.chunks(rows).map(|r| linear::dot(r, &qv)).collect();
        error += s.var_target[local] - 2.0 * linear::dot(&s.cross[local * rows..(local + 1) * rows], &qv) + linear::dot(&hv, &qv);
        var += s.var_target[local];
        s.mean_target[local] - linear::dot(&qv, &s.mean_input)
    }).collect();
    let mut bits = a.bits.clone();
    let mut rate = a.rate;
    if o.fixed_uniform.is_some() || o.layerwise {
        // strip
        let stripped = if o.layerwise && o.fixed_uniform.is_none() { false } else { true };
        if stripped {
            bits.iter_mut().flatten().for_each(|b| *b = 0);
            for (i, v) in a.values.iter().enumerate() {
                let b = &mut bits[i % rows / o.block[0]][i / rows / o.block[1]];
                *b = (*b).max((32 - v.unsigned_abs().leading_zeros()) as u8);
            }
            rate = a.values.iter().enumerate().map(|(i, _)| f64::from(bits[i % rows / o.block[0]][i / rows / o.block[1]])).sum();
        }
    }
    (a.values, steps, bias, LayerResult { name: net.nodes[node].name.clone(), node, weights: outputs * rows, positions: 0, rate, distortion: error, relative: error / var.max(1e-30), bits, step })
}
