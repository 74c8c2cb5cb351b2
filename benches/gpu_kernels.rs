//! Wall time and time on the device of each kernel of the GPU engine on one layer: `cargo bench --bench gpu_kernels`.
//! `BWQ_ADAPTER` names an adapter, `BWQ_ROWS` the heights of row groups, `BWQ_VECTORS` how many vectors.

use bwq::config::*;
use bwq::crossbar::CrossbarLayer;
use bwq::crossbar::layer::{Build, Weights};
use bwq::device::{QuantileTable, fraction_bits, g_off};
use bwq::engine::Kernel;
use bwq::engine::gpu::{BatchLimits, Cells, GpuEngine, MvmInput};
use bwq::engine::cpu::plain::units::is_eligible;
use bwq::quantize::Window;
use bwq::rng::PhiloxStream;
use rand::Rng;
use std::time::Instant;

const ROWS: usize = 576;
const OUTPUTS: usize = 64;
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

/// 8-bit weights (7 slices, analog subtraction) and inputs, lossless ADC.
fn measure(engine: &mut GpuEngine, ou_wordlines: usize, vectors: usize) {
    let law = ProgrammingError::Lognormal { sigma_ln: 0.1, clip: false };
    let device = DeviceConfig { g_on_siemens: 1e-4, on_off_ratio: Some(100.0), fraction_bits: None, programming_error: law };
    let crossbar = CrossbarConfig {
        rows: 128 / ou_wordlines * ou_wordlines,
        cols: 128,
        ou_wordlines,
        ou_bitlines: 8,
        cell_bits: 1,
        dac_bits: 1,
        row_cut: RowCut::BlockAligned,
        encoding: Encoding::Differential(Subtraction::Analog),
        digital_layers: DigitalLayers::None,
    };
    let fraction_bits = fraction_bits(&device, ou_wordlines, 1);
    let build = Build {
        name: "bench",
        layer: 0,
        first_output: 0,
        weight_bits: 8,
        input_bits: 8,
        crossbar: &crossbar,
        adc: &AdcConfig { bits: AdcBits::Lossless, range: AdcRange::Full },
        g_off: g_off(Some(100.0)),
        fraction_bits,
        calibrated_multiple: 1,
        digital: false,
    };
    let mut random = PhiloxStream::new(1);
    let values: Vec<i32> = (0..ROWS * OUTPUTS).map(|_| random.next_u32() as i32 % 128).collect();
    let layer = CrossbarLayer::new(&build, &Weights { rows: ROWS, outputs: OUTPUTS, values: &values, magnitude_bits: &|_, _| 7 }).expect("a layer");
    let window = Window { first_channel: 0, channels: ROWS, kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1], out: [1, vectors] };
    let input: Vec<u32> = (0..ROWS * vectors).map(|_| random.next_u32() & 255).collect();
    let table = QuantileTable::new(&device, 1, fraction_bits);
    let given = MvmInput { layer: &layer, window: &window, zero: 0, input: &input, shape: [ROWS, 1, vectors] };
    let mut direct = None;
    for kernel in Kernel::ALL {
        if !is_eligible(&layer, kernel) {
            continue;
        }
        engine.set_limits(BatchLimits { kernel: Some(kernel), ..BatchLimits::default() });
        let mut best = f64::INFINITY;
        let mut passes = Vec::new();
        for trial in 0..REPEATS as u32 {
            let start = Instant::now();
            let run = engine.timed(|engine| engine.mvm(&given, &Cells::Drawn(&table, 1, 0..1), false));
            let (out, times) = run.unwrap_or_else(|e| panic!("{e}"));
            let wall = start.elapsed().as_secs_f64();
            if trial > 0 && wall < best {
                (best, passes) = (wall, times);
            }
            let accumulators = direct.get_or_insert_with(|| out.accumulators.clone());
            let different = accumulators.iter().zip(&out.accumulators).filter(|(a, b)| a != b).count();
            assert!(different == 0, "{different} accumulators are not the direct kernel's");
        }
        let macs = (ROWS * OUTPUTS * vectors) as f64;
        print!("rows {ou_wordlines:3}  vectors {vectors:5}  {kernel:6}  {:8.2} ms  {:6.3} GMAC/s ", best * 1e3, macs / best / 1e9);
        let mut on_device = 0.0;
        for time in &passes {
            print!("  {} {:.2}", time.pass, time.nanoseconds / 1e6);
            on_device += time.nanoseconds / 1e6;
        }
        println!("  = {on_device:.2} ms on the device");
    }
}
