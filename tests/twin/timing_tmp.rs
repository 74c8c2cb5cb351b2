use bwq::config::*;
use bwq::crossbar::CrossbarLayer;
use bwq::crossbar::layer::{Build, Weights};
use bwq::device::{QuantileTable, fraction_bits};
use bwq::engine::gpu::{Cells, GpuEngine, MvmInput};
use bwq::quantize::Window;
use std::time::Instant;
#[test]
fn timing() {
    let engine = GpuEngine::new(None, true).unwrap();
    let b: usize = std::env::var("B").map_or(128, |v| v.parse().unwrap());
    for bits in [AdcBits::Lossless, AdcBits::Ideal] {
        let device = DeviceConfig { g_on_siemens: 1e-4, on_off_ratio: Some(50.0), fraction_bits: None, programming_error: ProgrammingError::Lognormal { sigma_ln: 0.1, clip: false } };
        let crossbar = CrossbarConfig { rows: 128, cols: 128, ou_wordlines: 9, ou_bitlines: 8, cell_bits: 1, dac_bits: 1, row_cut: RowCut::BlockAligned,
            encoding: Encoding::Differential(Subtraction::Analog), digital_layers: DigitalLayers::None };
        let f = fraction_bits(&device, 9, 1);
        let adc = AdcConfig { bits, range: AdcRange::Full };
        let build = Build { name: "x", layer: 0, first_output: 0, weight_bits: 8, input_bits: 8, crossbar: &crossbar, adc: &adc, g_off: 0.02, fraction_bits: f, calibrated_multiple: 1, digital: false };
        let (k, n) = (576, 64);
        let values: Vec<i32> = (0..k * n).map(|i| (i * 7919 % 255) as i32 - 127).collect();
        let layer = CrossbarLayer::new(&build, &Weights { rows: k, outputs: n, values: &values, magnitude_bits: &|_, _| 7 }).unwrap();
        let window = Window { first_channel: 0, channels: 64, kernel: [3, 3], stride: [1, 1], pad: [1, 1], dilation: [1, 1], out: [8, b / 8] };
        let input: Vec<u32> = (0..64 * 8 * (b / 8)).map(|i| if i % 3 == 0 { 0 } else { (i * 31 % 256) as u32 }).collect();
        let table = QuantileTable::new(&device, 1, f);
        let mvm = MvmInput { layer: &layer, window: &window, zero: 0, input: &input, shape: [64, 8, b / 8] };
        let drawn = engine.mvm(&mvm, &Cells::Drawn(&table, 1, 0..1), true).unwrap();
        let mut best = f64::MAX; let mut bc = u64::MAX;
        for _ in 0..4 {
            let t = Instant::now(); let c0 = cpu();
            engine.mvm(&mvm, &Cells::Given(&drawn.cells), false).unwrap();
            best = best.min(t.elapsed().as_secs_f64()); bc = bc.min(cpu() - c0);
        }
        println!("gpu {bits:?}: cpu {} ms, {:.1} ms, {:.4} GMAC/s", bc * 10, best * 1e3, (k * n * b) as f64 / best / 1e9);
    }
}

fn cpu() -> u64 { let s = std::fs::read_to_string("/proc/self/stat").unwrap(); let f: Vec<&str> = s.rsplit(')').next().unwrap().split_whitespace().collect(); f[11].parse::<u64>().unwrap() + f[12].parse::<u64>().unwrap() }
