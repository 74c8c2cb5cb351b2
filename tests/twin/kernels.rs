//! The kernels that look up tables: every output of their passes against the twins, and the whole against the direct one.

use super::layers::{Case, ENCODINGS, compare, laws, random_case_of};
use super::{Cases, assert_same, engine};
use bwq::config::*;
use bwq::crossbar::CrossbarLayer;
use bwq::crossbar::layer::{Build, Weights};
use bwq::engine::cpu::View;
use bwq::engine::cpu::crossbar_mvm::{Counts, Mvm};
use bwq::engine::cpu::program_cells::program_cells;
use bwq::engine::cpu::plain::{code_tables, look_up_codes, look_up_sums, patterns, sum_tables};
use bwq::engine::gpu::{self, BatchLimits, GpuEngine, MvmInput};
use bwq::engine::cpu::plain::units::{Units, is_eligible};
use bwq::engine::Kernel;
use bwq::quantize::Window;
use std::ops::Range;

const ADCS: [AdcConfig; 5] = [
    AdcConfig { bits: AdcBits::Lossless, range: AdcRange::Full },
    AdcConfig { bits: AdcBits::Bits(3), range: AdcRange::Full },
    AdcConfig { bits: AdcBits::Bits(3), range: AdcRange::Calibrated },
    AdcConfig { bits: AdcBits::Bits(5), range: AdcRange::Given(-1.3, 2.9) },
    AdcConfig { bits: AdcBits::Ideal, range: AdcRange::Full },
];

/// One chip by the twins, tile by tile: patterns, tables, clips, accumulators, clipped conversions.
struct Twin {
    patterns: Vec<u32>,
    tables: Vec<u32>,
    clips: Vec<u32>,
    accumulators: Vec<i64>,
    clipped: u64,
}

fn twin(case: &Case, kernel: Kernel, trial: u32, tiles: &[Range<usize>]) -> Twin {
    let layer = &case.layer;
    let units = Units::new(layer, kernel);
    let cells = program_cells(layer, &case.table, None, SEED, trial);
    let mut of_vectors = Vec::new();
    let words = patterns::step_words(layer);
    for image in case.input.chunks(case.input.len() / case.images) {
        let view = View { values: image, shape: case.shape };
        of_vectors.extend((0..case.window.positions()).map(|p| patterns::patterns(layer, &units, &case.window, view, case.zero, p)));
    }
    // The shader has the vectors of a unit beside each other.
    let by_unit = (0..units.len()).flat_map(|unit| of_vectors.iter().flat_map(move |vector: &Vec<u32>| &vector[unit * words..][..words]));
    let mut out = Twin { patterns: by_unit.copied().collect(), tables: Vec::new(), clips: Vec::new(), accumulators: Vec::new(), clipped: 0 };
    out.accumulators.resize(of_vectors.len() * layer.accumulators(), 0);
    for tile in tiles {
        let vectors = out.accumulators.chunks_mut(layer.accumulators()).zip(&of_vectors);
        if kernel == Kernel::Split {
            let tables = sum_tables::sum_tables(layer, &units, &cells, tile.clone());
            out.clipped += vectors.map(|(acc, patterns)| look_up_sums::look_up_sums(layer, &units, &tables, patterns, tile.clone(), acc)).sum::<u64>();
            out.tables.extend(tables.iter().map(|&v| v as u32));
        } else {
            let tables = code_tables::code_tables(layer, &units, &cells, tile.clone());
            out.clipped += vectors.map(|(acc, patterns)| look_up_codes::look_up_codes(layer, &units, &tables, patterns, tile.clone(), acc)).sum::<u64>();
            out.tables.extend(tables.entries);
            out.clips.extend(tables.clips);
        }
    }
    out
}

const SEED: u64 = 0x9abc_def0_1234_5678;

/// Both table kernels on two chips: their twins, and the direct product. Returns which were eligible.
fn compare_kernels(engine: &mut GpuEngine, case: &Case, limits: BatchLimits, what: &str) -> [bool; 2] {
    let layer = &case.layer;
    let at_once = limits.columns.min(layer.columns);
    let input = MvmInput { layer, window: &case.window, zero: case.zero, input: &case.input, shape: case.shape };
    let drawn = gpu::Cells::Drawn(&case.table, SEED, 3..5);
    engine.set_limits(BatchLimits { kernel: Some(Kernel::Direct), ..limits });
    let direct = engine.mvm(&input, &drawn, false).expect("a run");
    assert_eq!(direct.kernel, Kernel::Direct);
    [Kernel::Table, Kernel::Split].map(|kernel| {
        engine.set_limits(BatchLimits { kernel: Some(kernel), ..limits });
        let what = format!("{what}, {kernel}");
        let got = engine.mvm(&input, &drawn, true).expect("a run");
        assert_same(&format!("{what}: accumulators"), &got.accumulators, &direct.accumulators);
        assert_eq!(got.clipped, direct.clipped, "{what}: clipped");
        assert_eq!(got.saturated_cells, direct.saturated_cells, "{what}: saturated");
        let eligible = is_eligible(layer, kernel);
        assert_eq!(got.kernel, if eligible { kernel } else { Kernel::Direct }, "{what}");
        if !eligible || limits.images < case.images {
            return eligible;
        }
        let tile = got.tile;
        assert!(tile <= at_once, "{what}");
        let tiles: Vec<_> = (0..layer.columns).step_by(tile).map(|first| first..(first + tile).min(layer.columns)).collect();
        let twins: Vec<Twin> = (3..5).map(|trial| twin(case, kernel, trial, &tiles)).collect();
        let all = |of: fn(&Twin) -> &Vec<u32>| twins.iter().flat_map(|t| of(t).clone()).collect::<Vec<_>>();
        if !got.patterns.is_empty() {
            assert_same(&format!("{what}: patterns"), &got.patterns, &twins[0].patterns);
        }
        assert!(!got.patterns.is_empty() || limits.dispatch_work < u64::MAX, "{what}: no patterns");
        let expected = all(|t| &t.tables);
        assert_eq!(got.tables.len(), expected.len(), "{what}: words of tables");
        assert_same(&format!("{what}: tables"), &valid(&got.tables, case, kernel, tile), &valid(&expected, case, kernel, tile));
        if kernel == Kernel::Table {
            assert_same(&format!("{what}: clips"), &got.clips, &all(|t| &t.clips));
        }
        assert_same(&format!("{what}: twin"), &twins.iter().flat_map(|t| t.accumulators.clone()).collect::<Vec<_>>(), &direct.accumulators);
        assert_eq!(twins.iter().map(|t| t.clipped).collect::<Vec<_>>(), direct.clipped, "{what}: clipped by the twin");
        true
    })
}

/// Tables without the rows that patterns of low units never reach: a former tile may have left something there.
fn valid(tables: &[u32], case: &Case, kernel: Kernel, tile: usize) -> Vec<u32> {
    let layer = &case.layer;
    let units = Units::new(layer, kernel);
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tables.len() {
        for first in (0..layer.columns).step_by(tile) {
            let columns = tile.min(layer.columns - first);
            let width = match kernel {
                Kernel::Split => columns.next_multiple_of(sum_tables::PADDING) * layer.planes.converted * layer.planes.slices,
                _ => columns.next_multiple_of(code_tables::PADDING) / 2,
            };
            for unit in 0..units.len() {
                kept.extend(&tables[at..at + units.patterns(unit, layer.dac_bits) * width]);
                at += units.entries() * width;
            }
        }
    }
    kept
}

#[test]
fn tables_of_random_layers() {
    let Some(mut engine) = engine() else { return };
    let mut cases = Cases::new(30);
    let mut eligible = [0, 0];
    let mut clipped = 0;
    for round in 0..3 {
        for encoding in ENCODINGS {
            for adc in ADCS {
                let law = laws(&mut cases);
                let ou_wordlines = [1, 2, 4, 5, 6, 7, 8, 9, 9, 9, 10, 11, 12][cases.below(13)];
                let case = random_case_of(&mut cases, encoding, adc, law.clone(), ou_wordlines, 5);
                let limits = BatchLimits {
                    columns: [usize::MAX, 7, 20][round],
                    images: if round == 2 { 1 } else { usize::MAX },
                    cached_tables: [1 << 26, 1 << 19, 1 << 10][round],
                    // So short that tiles of different widths would take different numbers of vectors.
                    dispatch_work: if round == 1 { cases.within(20_000, 200_000) as u64 } else { u64::MAX },
                    ..BatchLimits::default()
                };
                let what = format!("round {round}, {ou_wordlines} rows, {encoding:?}, {adc:?}, {law:?}");
                let did = compare_kernels(&mut engine, &case, limits, &what);
                eligible = [eligible[0] + usize::from(did[0]), eligible[1] + usize::from(did[1])];
                let (chip, mut counts) = (program_cells(&case.layer, &case.table, None, SEED, 3), Counts::default());
                Mvm::new(&case.layer, &case.window, case.zero).run(&chip, &case.input[..case.shape.iter().product()], case.shape, &mut counts);
                clipped += usize::from(counts.clipped > 0);
            }
        }
    }
    assert!(eligible[0] > 25 && eligible[1] > 40 && clipped > 5, "{eligible:?} of 60, {clipped} clip");
}

#[test]
fn tables_of_tall_groups() {
    let Some(mut engine) = engine() else { return };
    let mut cases = Cases::new(31);
    let mut eligible = 0;
    for round in 0..2 {
        for encoding in ENCODINGS {
            for adc in ADCS {
                let law = laws(&mut cases);
                let ou_wordlines = cases.within(13, 140) as usize;
                let case = random_case_of(&mut cases, encoding, adc, law.clone(), ou_wordlines, 25);
                let limits = BatchLimits { columns: [usize::MAX, 10][round], ..BatchLimits::default() };
                let what = format!("round {round}, {ou_wordlines} rows, {encoding:?}, {adc:?}, {law:?}");
                eligible += usize::from(compare_kernels(&mut engine, &case, limits, &what)[1]);
            }
        }
    }
    assert!(eligible > 30, "{eligible} of 40");
}

/// A dispatch so short that it takes some vectors of a wide tile of columns, and all of the narrow one after it, which
/// then must not take the patterns of the last few for those of all.
#[test]
fn tiles_of_different_widths() {
    let Some(mut engine) = engine() else { return };
    let (mut cases, mut eligible, mut round) = (Cases::new(34), [0, 0], 0);
    while round < 10 {
        let case = random_case_of(&mut cases, ENCODINGS[round % 4], ADCS[round % 5], ProgrammingError::None, [4, 20][round % 2], 5);
        let (layer, vectors) = (&case.layer, case.images * case.window.positions());
        if !(3..6).contains(&layer.columns) || vectors < 4 {
            continue;
        }
        let of_column = layer.rows * layer.planes.converted * layer.planes.slices * layer.input_steps as usize;
        let limits = BatchLimits { columns: layer.columns - 1, dispatch_work: (of_column * vectors) as u64, ..BatchLimits::default() };
        let did = compare_kernels(&mut engine, &case, limits, &format!("round {round}"));
        eligible = [eligible[0] + usize::from(did[0]), eligible[1] + usize::from(did[1])];
        round += 1;
    }
    assert!(eligible[0] > 2 && eligible[1] > 6, "{eligible:?} of 10");
}

/// More rounds of loops than lavapipe lets an invocation make: dispatches take some row groups at a time.
#[test]
fn many_row_groups() {
    let Some(mut engine) = engine() else { return };
    let mut cases = Cases::new(33);
    for (rows, ou_wordlines, encoding) in [(9400, 9, ENCODINGS[1]), (6000, 1, ENCODINGS[2])] {
        let mut case = random_case_of(&mut cases, encoding, ADCS[0], ProgrammingError::None, ou_wordlines, 1);
        let crossbar = CrossbarConfig {
            rows: 128,
            cols: 128,
            ou_wordlines,
            ou_bitlines: 8,
            cell_bits: 1,
            dac_bits: 1,
            row_cut: RowCut::BlockAligned,
            encoding,
            digital_layers: DigitalLayers::None,
        };
        let build = Build {
            name: "many",
            layer: 0,
            first_output: 0,
            weight_bits: 9,
            input_bits: 8,
            crossbar: &crossbar,
            adc: &ADCS[0],
            g_off: 0.0,
            fraction_bits: case.table.fraction_bits,
            calibrated_multiple: 1,
            digital: false,
        };
        let values: Vec<i32> = (0..rows * 2).map(|_| cases.within(-255, 255) as i32).collect();
        case.layer = CrossbarLayer::new(&build, &Weights { rows, outputs: 2, values: &values, magnitude_bits: &|_, _| 8 }).expect("a layer");
        case.window = Window { first_channel: 0, channels: rows, kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1], out: [1, 2] };
        (case.shape, case.images) = ([rows, 1, 2], 1);
        case.input = (0..rows * 2).map(|_| cases.below(256) as u32).collect();
        for kernel in Kernel::ALL {
            engine.set_limits(BatchLimits { kernel: Some(kernel), ..BatchLimits::default() });
            compare(&engine, &case, &format!("{rows} rows, {kernel}"));
        }
    }
}

/// The direct twin of the CPU against each kernel and the automatic choice, and memory too small for any table.
#[test]
fn every_choice_gives_the_same() {
    let Some(mut engine) = engine() else { return };
    let mut cases = Cases::new(32);
    for round in 0..8 {
        let law = laws(&mut cases);
        let ou_wordlines = cases.pick(&[4, 9, 18, 40]);
        let mut case = random_case_of(&mut cases, ENCODINGS[round % 4], ADCS[round % 5], law, ou_wordlines, 9);
        case.layer.digital = round == 5;
        for kernel in [None, Some(Kernel::Direct), Some(Kernel::Table), Some(Kernel::Split)] {
            for memory_bytes in [gpu::DEFAULT_MEMORY_BYTES, 200_000, 1000] {
                engine.set_limits(BatchLimits { kernel, memory_bytes, ..BatchLimits::default() });
                compare(&engine, &case, &format!("round {round}, {kernel:?}, {memory_bytes} bytes"));
            }
        }
    }
}
