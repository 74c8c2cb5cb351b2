//! The model of read noise by flips against the exact one: distributions of a layer's outputs, and speed.
//!
//! `compare OUT` writes `OUT/distributions.csv` and `OUT/speed.csv`. The layer: 576 x 64, 8-bit weights in 1-bit cells, 9
//! wordlines, 8-bit inputs, lognormal programming error of 0.1, lossless ADC. All draws are reads of one chip with
//! one input vector. `tests/read_noise.rs` calls the same comparison with fewer outputs.
#![allow(dead_code, reason = "a test uses a part")]

use bwq::bench::clock::cpu_seconds;
use bwq::config::{self, Overrides, PointConfig};
use bwq::crossbar::{Conversion, CrossbarLayer};
use bwq::crossbar::layer::{Build, Weights};
use bwq::device::{self, QuantileTable, ReadNoiseLaw};
use bwq::engine::Kernel;
use bwq::engine::cpu::View;
use bwq::engine::cpu::noise::flip_tables::Flipping;
use bwq::engine::cpu::plain::flips;
use bwq::engine::cpu::crossbar_mvm::Counts;
use bwq::engine::cpu::part_of_chip::PartOfChip;
use bwq::engine::cpu::product::{Product, Work};
use bwq::engine::cpu::program_cells::program_cells;
use bwq::quantize::{Requantize, Window};
use bwq::rng::{PhiloxStream, Reads};
use rayon::prelude::*;
use std::sync::Arc;

const INPUTS: usize = 576;
/// Of the layer's 64 outputs, those whose distributions are compared.
const OUTPUTS: usize = 64;
/// Reads that are computed together.
const VECTORS: usize = 1024;

/// A chip of the layer, and how its products are computed.
pub struct Layer {
    layer: CrossbarLayer,
    table: QuantileTable,
    window: Window,
}

impl Layer {
    /// With the first `outputs` columns and read noise, if `read_noise` says so.
    pub fn new(outputs: usize, read_noise: &str) -> Self {
        let toml = format!("[crossbar]\nou_wordlines = 9\n[device]\nprogramming_error = {{ law = \"lognormal\", sigma_ln = 0.1 }}\nread_noise = {read_noise}\n");
        let point: PointConfig = config::parse_mvm(&toml, "the layer", &Overrides::default()).expect("a point");
        let (c, fraction_bits) = (&point.crossbar, device::fraction_bits(&point.device, 9, 1));
        let mut random = PhiloxStream::new(1);
        let weights: Vec<i32> = (0..outputs * INPUTS).map(|_| random.below(255) as i32 - 127).collect();
        let g_off = device::g_off(point.device.on_off_ratio);
        let build = Build { name: "layer", layer: 0, first_output: 0, weight_bits: 8, input_bits: 8, crossbar: c, adc: &point.adc, g_off, fraction_bits, calibrated_multiple: 1, digital: false };
        let law = ReadNoiseLaw::new(&point.device, 9, 1, fraction_bits).map(Arc::new);
        let layer = CrossbarLayer::new(&build, &Weights { rows: INPUTS, outputs, values: &weights, magnitude_bits: &|_, _| 7 }).expect("a layer");
        let window = Window { first_channel: 0, channels: INPUTS, kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1], out: [1, VECTORS] };
        Layer { layer: layer.with_read_noise(law.as_ref()), table: QuantileTable::new(&point.device, 1, fraction_bits), window }
    }

    fn product(&self, kernel: Option<Kernel>) -> Product<'_> {
        Product::new(&self.layer, &self.window, 8, 0, kernel, VECTORS)
    }

    fn part(&self, product: &Product) -> PartOfChip {
        product.on_chip(program_cells(&self.layer, &self.table, None, 1, 0))
    }

    /// `[output][draw]` of one input vector, number `input`.
    pub fn reads(&self, draws: usize, input: u64) -> Vec<Vec<i64>> {
        let product = self.product(None);
        let mut part = self.part(&product);
        product.build_tables(&mut part);
        let mut random = PhiloxStream::new(100 + input);
        let values: Vec<u32> = (0..INPUTS).flat_map(|_| vec![random.below(256); VECTORS]).collect();
        let mut out = vec![Vec::with_capacity(draws); self.layer.outputs];
        let mut work = Work::default();
        for first in (0..draws).step_by(VECTORS) {
            // The reads of other chips stand for more reads of this one.
            part = part.reading(Reads::new(1, first as u32, 0));
            let accumulators = product.accumulators(&part, View { values: &values, shape: [INPUTS, 1, VECTORS] }, 0, &mut work, &mut Counts::default());
            for row in accumulators.chunks(self.layer.accumulators()).take(draws - first) {
                out.iter_mut().zip(row).for_each(|(of_output, &v)| of_output.push(v));
            }
        }
        out
    }

    /// Outputs of images of one vector each, all alike, with these numbers in the test set: `[image][output]`.
    pub fn images(&self, numbers: std::ops::Range<u32>) -> Vec<u32> {
        let window = Window { out: [1, 1], ..self.window };
        let product = Product::new(&self.layer, &window, 8, 0, None, numbers.len());
        let part = self.part(&product).reading(Reads::new(1, 0, 0));
        let values = vec![200; INPUTS * numbers.len()];
        let outputs = self.layer.outputs;
        let one = Requantize { prescale: 0, extra_prescale: 0, shift: 1, multiplier: vec![1; outputs], extra_multiplier: vec![0; outputs], bias: vec![1 << 26; outputs], zero_point: 0, low: 0, high: 1 << 30 };
        let mut out = vec![0; outputs * numbers.len()];
        product.run(&part, View { values: &values, shape: [INPUTS, 1, 1] }, numbers.start, &one, 0, &mut out, &mut Work::default(), &mut Counts::default());
        out
    }

    /// Per output, the largest difference of the models' distribution functions for the input vector number `input`: not of
    /// samples, but of the laws themselves, in which each conversion's code is one of three, and each entry's flips are
    /// there or not.
    pub fn distances(&self, input: u64) -> Vec<f64> {
        let (layer, cells) = (&self.layer, program_cells(&self.layer, &self.table, None, 1, 0));
        let flipping = Flipping::new(layer).expect("codes that flip");
        let Conversion::Rounding(adc) = &layer.conversion else { panic!("a converter that rounds") };
        let mut random = PhiloxStream::new(100 + input);
        let values: Vec<u32> = (0..INPUTS).map(|_| random.below(256)).collect();
        let of_output = |column: usize| {
            let (mut exact, mut by_flips, mut codes) = (Law::default(), Law::default(), 0);
            for (group, &[start, end]) in layer.groups.iter().enumerate() {
                for step in 0..layer.input_steps {
                    let bits: Vec<i32> = values[start as usize..end as usize].iter().map(|x| (x >> step & 1) as i32).collect();
                    let entry = flips::entry(layer, &cells, group, &bits, column);
                    for (_, probability, delta) in entry.flips {
                        by_flips.add([(probability, delta << step), (0, 0)]);
                    }
                    let mut likeliest = 0;
                    for converted in (column..layer.converted_columns()).step_by(layer.columns) {
                        let weight = layer.column_weights[group * layer.converted_columns() + converted];
                        let cell = |row: usize| row * cells.stride + converted;
                        let driven = (start as usize..).zip(&bits).filter(|(_, bit)| **bit == 1);
                        let (sum, squares) = driven.fold((0, 0), |(sum, squares), (row, _)| (sum + cells.values[cell(row)], squares + cells.squares[cell(row)]));
                        let chances = flipping.of(sum, squares);
                        likeliest += (chances.index - adc.zero_index) * weight;
                        exact.add(chances.flips.map(|(probability, direction)| (probability, direction * weight << step)));
                    }
                    codes += (entry.codes - likeliest) << step;
                }
            }
            assert_eq!(codes, 0, "both models have the likeliest codes");
            exact.distance(&by_flips)
        };
        (0..layer.outputs).map(of_output).collect()
    }

    /// Share of the noise's variance that the kept flips hold, over all patterns.
    pub fn held(&self) -> f64 {
        let product = self.product(None);
        product.held(&self.part(&product), usize::MAX).share()
    }

    /// Least seconds of this thread for (tables of one chip, 1024 vectors with these tables).
    fn seconds(&self, kernel: Option<Kernel>) -> [f64; 2] {
        let product = self.product(kernel);
        let mut part = self.part(&product);
        let mut random = PhiloxStream::new(7);
        let values: Vec<u32> = (0..INPUTS * VECTORS).map(|_| random.below(256)).collect();
        let mut least = [f64::INFINITY; 2];
        let mut work = Work::default();
        for _ in 0..5 {
            let start = cpu_seconds();
            product.build_tables(&mut part);
            let built = cpu_seconds() - start;
            let start = cpu_seconds();
            let view = View { values: &values, shape: [INPUTS, 1, VECTORS] };
            if !product.accumulate_all(&part, view, 0, &mut work, &mut Counts::default()) {
                std::hint::black_box(product.accumulators(&part, view, 0, &mut work, &mut Counts::default()));
            }
            least = [least[0].min(built), least[1].min(cpu_seconds() - start)];
        }
        least
    }
}

/// Read noise of a law and model.
pub fn read_noise(law: &str, sigma_rel: f64, model: &str) -> String {
    format!("{{ law = \"{law}\", sigma_rel = {sigma_rel:?}, model = \"{model}\" }}")
}

/// The law of a sum of independent changes: probabilities of the whole numbers from `first` on.
struct Law {
    first: i32,
    of: Vec<f64>,
}

impl Default for Law {
    fn default() -> Self {
        Law { first: 0, of: vec![1.0] }
    }
}

impl Law {
    /// With one more change, which is one of two (probability in 2^-16, what it adds) or none.
    fn add(&mut self, changes: [(i32, i32); 2]) {
        let changes = changes.map(|(p, by)| (f64::from(p) / 65536.0, if p == 0 { 0 } else { by }));
        let (down, up) = (changes[0].1.min(changes[1].1).min(0), changes[0].1.max(changes[1].1).max(0));
        if (down, up) == (0, 0) {
            return;
        }
        let mut of = vec![0.0; self.of.len() + (up - down) as usize];
        for (p, by) in [(1.0 - changes[0].0 - changes[1].0, 0), changes[0], changes[1]] {
            if p > 0.0 {
                of[(by - down) as usize..].iter_mut().zip(&self.of).for_each(|(to, from)| *to += p * from);
            }
        }
        // What is farther out is less than 1e-9 in all.
        let place = |of: &[f64]| of.iter().position(|&p| p > 1e-15);
        let cut = place(&of).unwrap_or(0);
        of.drain(..cut);
        while of.len() > 1 && of[of.len() - 1] <= 1e-15 {
            of.pop();
        }
        (self.first, self.of) = (self.first + down + cut as i32, of);
    }

    /// Largest difference of the distribution functions.
    fn distance(&self, other: &Law) -> f64 {
        let at = |law: &Law, x: i32| usize::try_from(x - law.first).ok().and_then(|i| law.of.get(i)).copied().unwrap_or(0.0);
        let end = |law: &Law| law.first + law.of.len() as i32;
        let (mut difference, mut largest) = (0.0, 0.0f64);
        for x in self.first.min(other.first)..end(self).max(end(other)) {
            difference += at(self, x) - at(other, x);
            largest = largest.max(f64::abs(difference));
        }
        largest
    }
}

/// Two samples of an output.
pub struct Difference {
    /// Kolmogorov-Smirnov distance.
    pub ks: f64,
    /// Means, of the exact model first.
    pub mean: [f64; 2],
    /// Standard deviations.
    pub sd: [f64; 2],
}

/// The models' outputs compared, output by output.
pub fn compare(outputs: usize, law: &str, sigma_rel: f64, draws: usize, input: u64) -> Vec<Difference> {
    let reads = |model| Layer::new(outputs, &read_noise(law, sigma_rel, model)).reads(draws, input);
    let (exact, flips) = (reads("exact"), reads("flips"));
    let moments = |v: &[i64]| {
        let mean = v.iter().sum::<i64>() as f64 / v.len() as f64;
        (mean, (v.iter().map(|&x| (x as f64 - mean).powi(2)).sum::<f64>() / v.len() as f64).sqrt())
    };
    let of_output = |(a, b): (Vec<i64>, Vec<i64>)| {
        let ((m, s), (n, t)) = (moments(&a), moments(&b));
        Difference { ks: ks(a, b), mean: [m, n], sd: [s, t] }
    };
    exact.into_iter().zip(flips).map(of_output).collect()
}

/// Largest difference of the two empirical distributions.
fn ks(mut a: Vec<i64>, mut b: Vec<i64>) -> f64 {
    a.sort_unstable();
    b.sort_unstable();
    let (mut i, mut j, mut largest) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        while i < a.len() && a[i] == value {
            i += 1;
        }
        while j < b.len() && b[j] == value {
            j += 1;
        }
        largest = largest.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    largest
}

/// 95 % of the distances of two samples of one law are below this.
pub fn critical(draws: usize) -> f64 {
    1.36 * (2.0 / draws as f64).sqrt()
}

/// 95 % of times the largest of so many distances of independent samples is below this.
pub fn critical_of_all(draws: usize, outputs: usize) -> f64 {
    (-(0.05 / outputs as f64 / 2.0).ln() / draws as f64).sqrt()
}

/// A row of `distributions.csv`.
fn distributions(law: &str, sigma_rel: f64, draws: usize) -> String {
    let all = compare(OUTPUTS, law, sigma_rel, draws, 0);
    let mut ks: Vec<f64> = all.iter().map(|d| d.ks).collect();
    ks.sort_by(f64::total_cmp);
    let n = all.len() as f64;
    let shift = (all.iter().map(|d| ((d.mean[1] - d.mean[0]) / d.sd[0]).powi(2)).sum::<f64>() / n).sqrt();
    let ratio = all.iter().map(|d| d.sd[1] / d.sd[0]).sum::<f64>() / n;
    let above = ks.iter().filter(|&&k| k > critical(draws)).count();
    let held = Layer::new(OUTPUTS, &read_noise(law, sigma_rel, "flips")).held();
    let mut laws = Layer::new(OUTPUTS, &read_noise(law, sigma_rel, "flips")).distances(0);
    laws.sort_by(f64::total_cmp);
    let line = format!(
        "{law},{sigma_rel},{draws},{},{:.5},{:.5},{:.5},{above},{:.5},{:.6},{:.6},{shift:.5},{ratio:.5},{held:.5}\n",
        ks.len(), ks[ks.len() / 2], ks[ks.len() - 1], critical(draws), critical_of_all(draws, ks.len()), laws[laws.len() / 2], laws[laws.len() - 1],
    );
    eprint!("{line}");
    line
}

fn main() {
    let out = std::env::args().nth(1).expect("compare OUT [DRAWS]");
    let draws: usize = std::env::args().nth(2).map_or(100_000, |n| n.parse().expect("a number of draws"));
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let mut text = String::from("read_noise,kernel,tables_ms,product_ms_1024_vectors,gmac_per_s,ns_per_conversion\n");
    for (name, noise, kernel) in [
        ("none", "{ law = \"none\" }".to_string(), Some(Kernel::Table)),
        ("none", "{ law = \"none\" }".to_string(), Some(Kernel::Direct)),
        ("flips 0.02", read_noise("normal-proportional", 0.02, "flips"), None),
        ("flips 0.05", read_noise("normal-proportional", 0.05, "flips"), None),
        ("exact 0.02", read_noise("normal-proportional", 0.02, "exact"), None),
    ] {
        let layer = Layer::new(64, &noise);
        let [built, product] = one.install(|| layer.seconds(kernel));
        let used = layer.product(kernel).kernel;
        let conversions = layer.layer.conversions() as f64 * VECTORS as f64;
        let macs = (INPUTS * 64 * VECTORS) as f64;
        let line = format!("{name},{used},{:.2},{:.2},{:.3},{:.3}\n", built * 1e3, product * 1e3, macs / product * 1e-9, product * 1e9 / conversions);
        eprint!("{line}");
        text += &line;
    }
    std::fs::write(format!("{out}/speed.csv"), text).expect("written");
    let header = "law,sigma_rel,draws,outputs,ks_median,ks_max,ks_critical_95,outputs_above_critical,ks_critical_95_of_all,law_distance_median,law_distance_max,mean_shift_sd_rms,sd_ratio_mean,captured_variance_frac\n";
    // Up to what each law's flips are allowed.
    let points: Vec<(&str, f64)> = [("normal-proportional", &[0.005, 0.01, 0.02, 0.05][..]), ("normal-independent", &[0.005, 0.01, 0.02])]
        .into_iter()
        .flat_map(|(law, sigmas)| sigmas.iter().map(move |&sigma| (law, sigma)))
        .collect();
    let lines: Vec<String> = points.par_iter().with_max_len(1).rev().map(|&(law, sigma_rel)| distributions(law, sigma_rel, draws)).collect();
    let text = lines.into_iter().rev().fold(header.to_string(), |text, line| text + &line);
    std::fs::write(format!("{out}/distributions.csv"), text).expect("written");
}
