use bwq::*;
use std::time::Instant;
use std::sync::Arc;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let net = network::read::read(std::path::Path::new(&format!("../shared/data/nets/{}.json", a[1]))).unwrap();
    let n: usize = a[3].parse().unwrap();
    let ds = dataset::load(std::path::Path::new(&format!("../shared/data/{}", a[2])), n, 256).unwrap();
    let t = Instant::now();
    let fl = network::float::accuracy(&net, &ds);
    println!("float {} {:?}", fl, t.elapsed());
    let folded = network::fold::fold_batchnorm(&net).unwrap();
    let sweep = config::parse(&std::fs::read_to_string(&a[4]).unwrap(), "x", &Default::default()).unwrap();
    for p in &sweep.points {
        let t = Instant::now();
        let q = Arc::new(quantize::lower::lower(&folded, &ds, &p.quantization, None).unwrap());
        println!("lower {:?} {}", t.elapsed(), q.calibration);
        let images = engine::IntegerImages::new(&q, &ds);
        let t = Instant::now();
        let l = engine::cpu::digital::logits(&q, &images);
        println!("digital {} {:?}", engine::cpu::digital::correct(&l, &images.labels), t.elapsed());
        let m: usize = a[5].parse().unwrap();
        let im = images.first(m);
        let plan = engine::Plan::new(q.clone(), &engine::ideal(p), &[]).unwrap();
        let t = Instant::now();
        let r = engine::cpu::run_trial(&plan, &im, 0, true);
        println!("ideal {} equal {} {:?} clipped {}", r.correct, r.logits == l[..r.logits.len()], t.elapsed(), r.clipped);
        let plan = engine::Plan::new(q.clone(), p, &[]).unwrap();
        let t = Instant::now();
        let c = engine::cpu::Chip::program(&plan, 0);
        println!("program {:?} {}", t.elapsed(), c.saturated_cells);
        let t = Instant::now();
        let r = engine::cpu::run_trial(&plan, &im, 0, true);
        println!("{} chip {} {:?} clipped {} ", p.canonical().replace("\n", " "), r.correct, t.elapsed(), r.clipped);
    }
}
