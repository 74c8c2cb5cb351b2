//! scratch
use bwq::config::{self, Overrides};
use bwq::crossbar::CrossbarLayer;
use bwq::crossbar::layer::{Build, Weights};
use bwq::device::{self, QuantileTable};
use bwq::engine::cpu::View;
use bwq::engine::cpu::crossbar_mvm::Counts;
use bwq::engine::cpu::product::{Product, Work};
use bwq::engine::cpu::program_cells::program_cells;
use bwq::engine::Kernel;
use bwq::quantize::Window;
use bwq::rng::PhiloxStream;
use rand::RngExt;
unsafe extern "C" { fn clock_gettime(id: i32, t: *mut [i64; 2]) -> i32; }
fn cpu() -> f64 { let mut t = [0i64; 2]; unsafe { clock_gettime(3, &mut t) }; t[0] as f64 + t[1] as f64 * 1e-9 }
fn best(mut f: impl FnMut()) -> f64 {
    f();
    (0..15).map(|_| { let t = cpu(); f(); cpu() - t }).fold(f64::MAX, f64::min)
}
fn main() {
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().unwrap();
    let frac = std::env::args().nth(1).unwrap_or("\"max\"".into());
    let ratio = std::env::args().nth(2).unwrap_or("100".into());
    for (r, b, kernel) in [(9, 64, Kernel::Direct), (9, 1024, Kernel::Table), (9, 16384, Kernel::Table), (12, 1024, Kernel::Table), (16, 1024, Kernel::Split), (32, 1024, Kernel::Split), (64, 1024, Kernel::Split), (128, 1024, Kernel::Split)] {
        let toml = format!("[quantization]\nweight_bits = 8\nactivation_bits = 8\n[crossbar]\nrows={}\nou_wordlines = {r}\n[adc]\nbits=\"lossless\"\n[device]\non_off_ratio = {ratio}\nfraction_bits = {frac}\nprogramming_error = {{ law = \"lognormal\", sigma_ln = 0.1 }}\n[monte_carlo]\ntrials = 1\n", r.max(128));
        let point = config::parse_mvm(&toml, "x", &Overrides::default()).unwrap();
        let (k, n) = (576usize, 64usize);
        let mut rng = PhiloxStream::new(1);
        let w: Vec<i32> = (0..k * n).map(|_| rng.random_range(-127..=127)).collect();
        let x: Vec<u32> = (0..k * b).map(|_| rng.random_range(0..=255)).collect();
        let fb = device::fraction_bits(&point.device, r, 1);
        let build = Build { name: "b", layer: 0, first_output: 0, weight_bits: 8, input_bits: 8, crossbar: &point.crossbar, adc: &point.adc, g_off: device::g_off(point.device.on_off_ratio), fraction_bits: fb, calibrated_multiple: 1, digital: false };
        let layer = CrossbarLayer::new(&build, &Weights { rows: k, outputs: n, values: &w, magnitude_bits: &|_, _| 7 }).unwrap();
        let table = QuantileTable::new(&point.device, 1, fb);
        let window = Window { first_channel: 0, channels: k, kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1], out: [1, b] };
        let product = Product::new(&layer, &window, 8, 0, Some(kernel), b);
        let t_sample = best(|| { std::hint::black_box(program_cells(&layer, &table, 1, 0)); });
        let cells = program_cells(&layer, &table, 1, 0);
        let t_tables = best(|| { std::hint::black_box(product.on_chip(cells.clone(), true)); });
        let part = product.on_chip(cells.clone(), true);
        let mut work = Work::default();
        let mut counts = Counts::default();
        let t_run = best(|| { std::hint::black_box(product.accumulators(&part, View { values: &x, shape: [k, 1, b] }, &mut work, &mut counts)); });
        let inputs = bwq::engine::cpu::input_bytes::InputBytes::new(&window, View { values: &x, shape: [k, 1, b] }, 0, 8);
        let blocks = if kernel == Kernel::Split { bwq::engine::units::within_groups(&layer, 8) } else { bwq::engine::units::of_groups(&layer, 8) };
        let mut pat = vec![0u16; b * 8 * 600];
        let t_pat = best(|| for bl in &blocks { bwq::engine::cpu::patterns::patterns(&bl.units, &window, &inputs, 8, 1, 0..1, &mut pat[..b * bl.units.len() * 8]) });
        print!("patterns {:.2} ", t_pat * 1e3);
        println!("R={r} B={b} {kernel} F={fb}: sample {:.2} tables {:.2} run {:.2} ms; total {:.2}", t_sample * 1e3, t_tables * 1e3, t_run * 1e3, (t_sample + t_tables + t_run) * 1e3);
    }
}
