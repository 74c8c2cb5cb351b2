//! Wall time and time on the device of each kernel of the GPU engine on one layer: `cargo bench --bench gpu_kernels`.
//! `BWQ_ADAPTER` names an adapter, `BWQ_ROWS` the heights of row groups, `BWQ_VECTORS` how many vectors.

use bwq::bench::cases::{Case, Fraction, INPUTS, OUTPUTS, Product};
use bwq::engine::Kernel;
use bwq::engine::cpu::plain::units::is_eligible;
use bwq::engine::gpu::{BatchLimits, Cells, GpuEngine, MvmInput};
use std::time::Instant;

const REPEATS: usize = 5;

fn list(name: &str, default: &[usize]) -> Vec<usize> {
    std::env::var(name).map_or_else(|_| default.to_vec(), |text| text.split(',').filter_map(|n| n.parse().ok()).collect())
}

fn main() {
    let engine = GpuEngine::new(std::env::var("BWQ_ADAPTER").ok().as_deref(), true);
    let mut engine = engine.unwrap_or_else(|e| panic!("{e}"));
    println!("{}", engine.describe());
    for ou_wordlines in list("BWQ_ROWS", &[9, 32, 128]) {
        for vectors in list("BWQ_VECTORS", &[1024]) {
            measure(&mut engine, ou_wordlines, vectors);
        }
    }
}

/// The standard layer of `bwq bench`.
fn measure(engine: &mut GpuEngine, ou_wordlines: usize, vectors: usize) {
    let product = Product::new(&Case { ou_wordlines, vectors, fraction: Fraction::Max }).unwrap_or_else(|e| panic!("{e}"));
    let given = MvmInput { layer: &product.layer, window: &product.window, zero: 0, input: &product.inputs, shape: product.shape };
    let mut direct = None;
    for kernel in Kernel::ALL {
        if !is_eligible(&product.layer, kernel) {
            continue;
        }
        engine.set_limits(BatchLimits { kernel: Some(kernel), ..engine.limits() });
        let mut best = f64::INFINITY;
        let mut passes = Vec::new();
        for trial in 0..REPEATS as u32 {
            let start = Instant::now();
            let run = engine.timed(|engine| engine.mvm(&given, &Cells::Drawn(&product.table, 1, 0..1), false));
            let (out, times) = run.unwrap_or_else(|e| panic!("{e}"));
            let wall = start.elapsed().as_secs_f64();
            if trial > 0 && wall < best {
                (best, passes) = (wall, times);
            }
            let accumulators = direct.get_or_insert_with(|| out.accumulators.clone());
            let different = accumulators.iter().zip(&out.accumulators).filter(|(a, b)| a != b).count();
            assert!(different == 0, "{different} accumulators are not the direct kernel's");
        }
        let macs = (INPUTS * OUTPUTS * vectors) as f64;
        print!("rows {ou_wordlines:3}  vectors {vectors:5}  {kernel:6}  {:8.2} ms  {:6.3} GMAC/s ", best * 1e3, macs / best / 1e9);
        let mut on_device = 0.0;
        for time in &passes {
            print!("  {} {:.2}", time.pass, time.nanoseconds / 1e6);
            on_device += time.nanoseconds / 1e6;
        }
        println!("  = {on_device:.2} ms on the device");
    }
}
