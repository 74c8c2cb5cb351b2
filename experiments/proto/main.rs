use bwq::dataset::{self, Dataset};
use bwq::network::{Network, Op, float, fold, read};
mod allocate; mod linear; mod proto; mod statistics;
use proto::{Options, quantise};
use rayon::prelude::*;
use std::path::Path;
use std::time::Instant;

fn env<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn logits(net: &Network, data: &Dataset, calibration: bool, images: usize) -> Vec<Vec<f32>> {
    let r = float::Runner::new(net);
    let pixels = if calibration { &data.calibration } else { &data.images };
    (0..images).into_par_iter().map(|i| r.logits(&float::normalise(net, pixels, i))).collect()
}

fn main() {
    let name: String = env("NET", "cifar10_resnet20".into());
    let images: usize = env("TEST", 2000);
    let calib: usize = env("CALIB", 256);
    let data_name: String = env("DATA", "cifar10".into());
    let net = read::read(Path::new(&format!("/work/shared/data/nets/{name}.json"))).unwrap();
    let data = dataset::load(Path::new(&format!("/work/shared/data/{data_name}")), images, calib).unwrap();
    let folded = fold::fold_batchnorm(&net).unwrap();
    let raw_factor = |node: usize| -> Option<Vec<f64>> {
        let name = &folded.nodes[node].name;
        let i = net.nodes.iter().position(|n| n.name == *name)?;
        let bn = net.nodes.iter().find(|n| matches!(n.op, Op::BatchNorm { .. }) && n.inputs[0] == bwq::network::Source::Node(i))?;
        if let Op::BatchNorm { gamma, var, eps, .. } = &bn.op {
            Some(gamma.iter().zip(var).map(|(g, v)| f64::from(*g) / (f64::from(*v) + eps).sqrt()).collect())
        } else { None }
    };
    let o = Options {
        images: calib, positions: env("POS", 64), damp: env("DAMP", 0.01), asym: env("ASYM", true), skip: env("SKIP", true),
        refit: env("REFIT", 1), channel: env("CHANNEL", "rms".into()), alpha: env("ALPHA", 1.0), max_bits: env("MAXBITS", 8),
        fixed_uniform: std::env::var("UNIFORM").ok().and_then(|v| v.parse().ok()), layerwise: env("LAYERWISE", false), plain: env("PLAIN", false),
        block: [env("BR", 9), env("BC", 8)], act_order: env("ORDER", true), verbose: env("VERBOSE", false),
    };
    // sensitivities
    let layers: Vec<usize> = (0..folded.nodes.len()).filter(|&i| matches!(folded.nodes[i].op, Op::Conv2d { .. } | Op::Linear { .. })).collect();
    let mut sens = vec![1.0f64; folded.nodes.len()];
    let probe = env("PROBE", 128usize).min(calib);
    let reference = logits(&folded, &data, true, probe);
    let kl = |a: &[f32], b: &[f32]| {
        let soft = |v: &[f32]| { let m = v.iter().fold(f32::MIN, |a, &b| a.max(b)); let e: Vec<f64> = v.iter().map(|x| f64::from(x - m).exp()).collect(); let s: f64 = e.iter().sum(); e.into_iter().map(|x| x / s).collect::<Vec<_>>() };
        soft(a).iter().zip(soft(b)).map(|(p, q)| p * ((p + 1e-12) / (q + 1e-12)).ln()).sum::<f64>()
    };
    let t = Instant::now();
    let mode: String = env("SENS", "kl".into());
    if mode != "none" && !o.plain && o.fixed_uniform.is_none() {
        for &l in &layers {
            let so = Options { images: 64.min(calib), positions: 64, fixed_uniform: Some(2), channel: o.channel.clone(), verbose: false, layerwise: false, ..o };
            let (qn, r) = quantise(&folded, &raw_factor, &data, &so, 0.0, &|_| 1.0, &|_| None, Some(l));
            let got = logits(&qn, &data, true, probe);
            let d: f64 = reference.iter().zip(&got).map(|(a, b)| if mode == "kl" { kl(a, b) } else { a.iter().zip(b).map(|(x, y)| f64::from(x - y).powi(2)).sum::<f64>() }).sum::<f64>() / probe as f64;
            sens[l] = d / r[0].distortion;
            if o.verbose { println!("sens {:20} d {:.5} dist {:.5} s {:.6}", r[0].name, d, r[0].distortion, sens[l]); }
        }
        println!("sensitivities {:?}", t.elapsed());
    }
    let float_right: f64 = if env("FLOAT", false) { float::accuracy(&folded, &data) as f64 } else { f64::NAN };
    println!("float {float_right}");
    for lambda in env::<String>("LAMBDA", "1e-7".into()).split(',').map(|v| v.parse::<f64>().unwrap()) {
        let t = Instant::now();
        let (qn, r) = quantise(&folded, &raw_factor, &data, &o, lambda, &|n| sens[n], &|_| None, None);
        let tq = t.elapsed();
        let right = float::accuracy(&qn, &data);
        let got = logits(&qn, &data, true, probe);
        let k: f64 = reference.iter().zip(&got).map(|(a, b)| kl(a, b)).sum::<f64>() / probe as f64;
        let rate: f64 = r.iter().map(|r| r.rate).sum::<f64>();
        let weights: f64 = r.iter().map(|r| r.weights as f64).sum();
        println!("lambda {lambda:e} bits {:.3} comp {:.2} acc {:.2} kl {:.4} ({tq:?} + {:?})", rate / weights, 32.0 * weights / rate, right as f64 / images as f64 * 100.0, k, t.elapsed() - tq);
    }
}
