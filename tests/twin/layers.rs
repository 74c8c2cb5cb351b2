//! `program_cells` and `crossbar_mvm` against their twins, layer by layer.

use super::{Cases, assert_same, engine};
use bwq::config::*;
use bwq::crossbar::adc::Sums;
use bwq::crossbar::layer::{Build, Weights};
use bwq::crossbar::{Conversion, CrossbarLayer};
use bwq::device::{QuantileTable, fraction_bits, g_off};
use bwq::engine::cpu::crossbar_mvm::{Counts, Mvm};
use bwq::engine::cpu::program_cells::program_cells;
use bwq::engine::gpu::{self, BatchLimits, GpuEngine, MvmInput};
use bwq::quantize::Window;

pub const ENCODINGS: [Encoding; 4] = [
    Encoding::Differential(Subtraction::Analog),
    Encoding::Differential(Subtraction::Digital),
    Encoding::Offset(OffsetRemoval::Digital),
    Encoding::Offset(OffsetRemoval::UnitColumn),
];

/// A layer, what it reads, and its device.
pub struct Case {
    pub layer: CrossbarLayer,
    pub window: Window,
    pub shape: [usize; 3],
    pub input: Vec<u32>,
    pub images: usize,
    pub zero: u32,
    pub table: QuantileTable,
}

pub fn laws(cases: &mut Cases) -> ProgrammingError {
    match cases.below(4) {
        0 => ProgrammingError::None,
        1 => ProgrammingError::Lognormal { sigma_ln: 0.25, sigma_ln_off: None, clip: false },
        2 => ProgrammingError::NormalProportional { sigma_rel: 0.2, clip: true },
        _ => ProgrammingError::NormalIndependent { sigma_rel: 0.3, clip: false },
    }
}

pub fn random_case(cases: &mut Cases, encoding: Encoding, adc: AdcConfig, law: ProgrammingError) -> Case {
    let ou_wordlines = cases.pick(&[3, 9, 9, 16]);
    random_case_of(cases, encoding, adc, law, ou_wordlines, 5)
}

/// A layer of row groups of `ou_wordlines` rows on at most `most_channels` channels.
pub fn random_case_of(cases: &mut Cases, encoding: Encoding, adc: AdcConfig, law: ProgrammingError, ou_wordlines: usize, most_channels: usize) -> Case {
    let (cell_bits, dac_bits) = (cases.pick(&[1, 1, 2, 3]), cases.pick(&[1, 1, 2]));
    let (weight_bits, input_bits) = (cases.within(3, 9) as u32, cases.within(2, 8) as u32);
    let groups = cases.pick(&[1, 1, 2]);
    let (channels, kernel) = (cases.below(most_channels) + 1, [cases.below(3) + 1, cases.below(3) + 1]);
    let window = Window {
        first_channel: if groups == 2 { channels } else { 0 },
        channels,
        kernel,
        stride: [cases.below(2) + 1, cases.below(2) + 1],
        pad: [cases.below(2), cases.below(3)],
        dilation: [cases.below(2) + 1, 1],
        out: [cases.below(4) + 1, cases.below(5) + 1],
    };
    let shape = [channels * groups, cases.below(5) + 3, cases.below(6) + 3];
    let outputs = cases.pick(&[1, 3, 8, 10, 33, 40]);
    let (rows, top) = (window.rows(), (1i64 << (weight_bits - 1)) - 1);
    let values: Vec<i32> = (0..rows * outputs).map(|_| if cases.below(4) == 0 { 0 } else { cases.within(-top, top) as i32 }).collect();
    // Ragged precision: some weights keep no bits, so some slices have no cell and some conversions are not made.
    let kept: Vec<u32> = (0..rows * outputs).map(|_| cases.within(0, i64::from(weight_bits) - 1) as u32).collect();
    let ragged = cases.below(2) == 0;
    let bits = |row: usize, output: usize| if ragged && output % 8 < 4 { kept[(row / 5) * outputs + output / 4] } else { weight_bits - 1 };
    let crossbar = CrossbarConfig {
        rows: cases.pick(&[16, 20, 128]).max(ou_wordlines),
        cols: 128,
        ou_wordlines,
        ou_bitlines: cases.pick(&[4, 8]),
        cell_bits,
        dac_bits,
        row_cut: cases.pick(&[RowCut::BlockAligned, RowCut::Physical]),
        encoding,
        digital_layers: DigitalLayers::None,
    };
    let ratio = cases.pick(&[None, Some(10.0), Some(100.0)]);
    let device = DeviceConfig { on_off_ratio: ratio, fraction_bits: cases.pick(&[None, None, Some(12)]), programming_error: law, ..DeviceConfig::default() };
    let fraction_bits = fraction_bits(&device, ou_wordlines, dac_bits);
    let build = Build {
        name: "random",
        layer: cases.below(100) as u32,
        first_output: cases.below(50) as u32,
        weight_bits,
        input_bits,
        crossbar: &crossbar,
        adc: &adc,
        g_off: g_off(ratio),
        fraction_bits,
        calibrated_multiple: 2,
        digital: false,
    };
    let mut layer = CrossbarLayer::new(&build, &Weights { rows, outputs, values: &values, magnitude_bits: &bits }).expect("a layer");
    if cases.below(3) == 0 {
        layer.saturation = 1 << fraction_bits; // many cells are cut
    }
    let images = cases.below(3) + 1;
    let size: usize = shape.iter().product();
    let input = (0..images * size).map(|_| if cases.below(2) == 0 { 0 } else { cases.below(1 << input_bits) as u32 }).collect();
    let zero = cases.below(2) as u32 * 3 % (1 << input_bits);
    Case { layer, window, shape, input, images, zero, table: QuantileTable::new(&device, cell_bits, fraction_bits) }
}

/// Cells, accumulators and counts of `trials` chips on both engines.
pub fn compare(engine: &GpuEngine, case: &Case, what: &str) {
    let layer = &case.layer;
    let (seed, trials) = (0x1234_5678_9abc_def0, 5..7);
    let input = MvmInput { layer, window: &case.window, zero: case.zero, input: &case.input, shape: case.shape };
    let gpu = engine.mvm(&input, &gpu::Cells::Drawn(&case.table, seed, trials.clone()), true).expect("a run");
    let (mut accumulators, mut cells, mut clipped, mut saturated) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for trial in trials {
        let chip = program_cells(layer, &case.table, None, seed, trial);
        let first = cells.len();
        cells.extend(chip.values.chunks(chip.stride).flat_map(|row| row[..layer.converted_columns()].to_vec()));
        let mut counts = Counts::default();
        let before = accumulators.len();
        for image in case.input.chunks(case.input.len() / case.images) {
            let mut mvm = Mvm::new(layer, &case.window, case.zero);
            mvm.run(&chip, image, case.shape, &mut counts);
            accumulators.extend(mvm.accumulators);
        }
        clipped.push(counts.clipped);
        saturated.push(chip.saturated);
        // The same cells, given.
        let given = engine.mvm(&input, &gpu::Cells::Given(&cells[first..]), false).expect("a run");
        assert_same(&format!("{what}: given cells"), &given.accumulators, &accumulators[before..]);
        assert_eq!(given.clipped, [counts.clipped], "{what}: clipped with given cells");
    }
    assert_same(&format!("{what}: cells"), &gpu.cells, &cells);
    assert_same(&format!("{what}: accumulators"), &gpu.accumulators, &accumulators);
    assert_eq!((gpu.clipped, gpu.saturated_cells), (clipped, saturated), "{what}: counts");
}

#[test]
fn random_layers() {
    let Some(mut engine) = engine() else { return };
    let adcs = [
        AdcConfig { bits: AdcBits::Lossless, range: AdcRange::Full },
        AdcConfig { bits: AdcBits::Bits(3), range: AdcRange::Full },
        AdcConfig { bits: AdcBits::Bits(4), range: AdcRange::Calibrated },
        AdcConfig { bits: AdcBits::Bits(5), range: AdcRange::Given(-3.3, 7.9) },
        AdcConfig { bits: AdcBits::Ideal, range: AdcRange::Full },
    ];
    let mut cases = Cases::new(5);
    for round in 0..6 {
        for encoding in ENCODINGS {
            for adc in adcs {
                let law = laws(&mut cases);
                let case = random_case(&mut cases, encoding, adc, law.clone());
                let columns = if round % 2 == 1 { 7 } else { usize::MAX };
                let images = if round % 3 == 1 { 1 } else { usize::MAX };
                engine.set_limits(BatchLimits { columns, images, ..BatchLimits::default() });
                compare(&engine, &case, &format!("round {round}, {encoding:?}, {adc:?}, {law:?}"));
            }
        }
    }
}

/// Many row groups, and tall ones.
#[test]
fn tall_layers() {
    let Some(engine) = engine() else { return };
    let device = DeviceConfig {
        on_off_ratio: Some(50.0),
        programming_error: ProgrammingError::Lognormal { sigma_ln: 0.1, sigma_ln_off: None, clip: false },
        ..DeviceConfig::default()
    };
    let mut cases = Cases::new(6);
    for (rows, ou_wordlines) in [(2500, 9), (1100, 1024), (2100, 1000)] {
        let crossbar = CrossbarConfig {
            rows: 4096,
            cols: 128,
            ou_wordlines,
            ou_bitlines: 8,
            cell_bits: 1,
            dac_bits: 1,
            row_cut: RowCut::BlockAligned,
            encoding: ENCODINGS[2],
            digital_layers: DigitalLayers::None,
        };
        let bits = fraction_bits(&device, ou_wordlines, 1);
        let adc = AdcConfig { bits: AdcBits::Lossless, range: AdcRange::Full };
        let build = Build {
            name: "tall",
            layer: 0,
            first_output: 0,
            weight_bits: 4,
            input_bits: 4,
            crossbar: &crossbar,
            adc: &adc,
            g_off: 0.02,
            fraction_bits: bits,
            calibrated_multiple: 1,
            digital: false,
        };
        let values: Vec<i32> = (0..rows * 5).map(|_| cases.within(-7, 7) as i32).collect();
        let layer = CrossbarLayer::new(&build, &Weights { rows, outputs: 5, values: &values, magnitude_bits: &|_, _| 3 }).expect("a layer");
        let window = Window { first_channel: 0, channels: rows, kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1], out: [1, 3] };
        let input: Vec<u32> = (0..rows * 3).map(|_| cases.below(16) as u32).collect();
        let table = QuantileTable::new(&device, 1, bits);
        let case = Case { layer, window, shape: [rows, 1, 3], input, images: 1, zero: 0, table };
        compare(&engine, &case, &format!("{rows} rows, {ou_wordlines} at once"));
    }
}

/// The converter at every threshold and its neighbours, at zero and at the ends of 32 bits: a layer of one row
/// whose cells are the sums.
#[test]
fn the_converter_is_the_rule() {
    let Some(engine) = engine() else { return };
    let ranges = [(-9.0, 9.0), (-7.3, 8.1), (-3.0, 4.0), (0.2, 0.7), (-100.0, 3.0), (-0.5, 400.0), (-1e4, 1e4), (40.0, 60.0), (-60.0, -40.0)];
    let mut converters = Vec::new();
    for (rows, fraction) in [(1, 29), (9, 26), (128, 22)] {
        for subtracted in [false, true] {
            let sums = Sums::new(rows, 1, 1, 0.01, fraction, subtracted);
            for bits in [AdcBits::Lossless, AdcBits::Bits(2), AdcBits::Bits(5), AdcBits::Bits(8)] {
                let all = ranges.iter().map(|&(lo, hi)| AdcRange::Given(lo, hi)).chain([AdcRange::Full]);
                converters.extend(all.filter_map(|range| Conversion::new(&AdcConfig { bits, range }, &sums, 1).ok()));
            }
        }
    }
    assert!(converters.len() > 150);
    let crossbar = CrossbarConfig {
        rows: 128,
        cols: 128,
        ou_wordlines: 1,
        ou_bitlines: 8,
        cell_bits: 1,
        dac_bits: 1,
        row_cut: RowCut::BlockAligned,
        encoding: ENCODINGS[0],
        digital_layers: DigitalLayers::None,
    };
    let window = Window { first_channel: 0, channels: 1, kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1], out: [1, 1] };
    let mut random = Cases::new(7);
    for conversion in converters {
        let Conversion::Rounding(adc) = &conversion else { continue };
        let mut sums = vec![0, i32::MIN, i32::MIN + 1, i32::MAX, i32::MAX - 1];
        sums.extend(adc.thresholds.iter().flat_map(|t| [t.saturating_sub(1), *t, t.saturating_add(1)]));
        sums.extend((0..100).map(|_| random.word() as i32 >> random.below(31)));
        let columns = sums.len();
        let build = Build {
            name: "sums",
            layer: 0,
            first_output: 0,
            weight_bits: 2,
            input_bits: 1,
            crossbar: &crossbar,
            adc: &AdcConfig { bits: AdcBits::Ideal, range: AdcRange::Full },
            g_off: 0.0,
            fraction_bits: 20,
            calibrated_multiple: 1,
            digital: false,
        };
        let weights = vec![1; columns];
        let mut layer = CrossbarLayer::new(&build, &Weights { rows: 1, outputs: columns, values: &weights, magnitude_bits: &|_, _| 1 }).expect("a layer");
        layer.conversion = conversion.clone();
        let input = MvmInput { layer: &layer, window: &window, zero: 0, input: &[1], shape: [1, 1, 1] };
        let got = engine.mvm(&input, &gpu::Cells::Given(&sums), false).expect("a run");
        let expected: Vec<(i32, bool)> = sums.iter().map(|&s| adc.code(s)).collect();
        let what = format!("lo {} step {} top {}", adc.lo, adc.step, adc.top);
        let with_sums = |codes: Vec<i64>| sums.iter().copied().zip(codes).collect::<Vec<_>>();
        assert_same(&what, &with_sums(got.accumulators), &with_sums(expected.iter().map(|c| i64::from(c.0)).collect()));
        assert_eq!(got.clipped, [expected.iter().filter(|c| c.1).count() as u64], "{what}");
    }
}
