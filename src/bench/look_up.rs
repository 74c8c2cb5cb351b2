//! The look-up kernels under measurement: the engine's own way, with the time of each stage.
//!
//! The engine prepares patterns, builds tables of partial sums and looks up in turns, block by block. These stages are
//! run once more, each by itself ([`again`]), and the time of the first two is taken off that of the product.

use super::cases::{Fraction, Product};
use super::clock::{Stages, timed};
use crate::crossbar::Conversion;
use crate::engine::{Engine, Kernel};
use crate::engine::cpu::View;
use crate::engine::cpu::code_tables::{Converter, Source, code_tables};
use crate::engine::cpu::crossbar_mvm::Counts;
use crate::engine::cpu::input_bytes::InputBytes;
use crate::engine::cpu::lanes::{INTS, Ints, WORDS, Words};
use crate::engine::cpu::look_up_codes::{Patterns, look_up_codes};
use crate::engine::cpu::look_up_sums::look_up_sums;
use crate::engine::cpu::patterns::patterns;
use crate::engine::cpu::product::{Product as OfEngine, VECTORS};
use crate::engine::cpu::program_cells::{Cells, program_cells};
use crate::engine::cpu::sum_tables::{Place, sum_tables};

/// Bits of an input of the standard layer.
const INPUT_BITS: u32 = 8;

/// Tables of codes.
pub fn table(product: &Product, trial: u32, stages: &mut Stages) -> Vec<i64> {
    run(Kernel::Table, product, trial, stages)
}

/// Tables of partial sums.
pub fn split(product: &Product, trial: u32, stages: &mut Stages) -> Vec<i64> {
    run(Kernel::Split, product, trial, stages)
}

/// What a kernel looks up for one chip.
pub struct LookUps {
    /// Rows of 64 bytes.
    pub rows: u64,
    /// Size of the tables of a block, which they come from.
    pub table_kib: usize,
}

/// Rows of 32 codes of 16 bits: one per vector, row group, input step and 32 columns.
pub fn code_rows(product: &Product, _: &Engine) -> Option<LookUps> {
    Some(look_ups(Kernel::Table, product, product.layer.columns.div_ceil(WORDS)))
}

/// Rows of 16 sums of 32 bits: one per vector, unit, input step, slice and 16 columns. `None` on the CPU where conductances
/// are coarse: then two of them share a row, in a loop that is not run by itself here.
pub fn sum_rows(product: &Product, engine: &Engine) -> Option<LookUps> {
    let planes = &product.layer.planes;
    let tables = planes.converted * planes.slices * product.layer.columns.div_ceil(INTS);
    let share_rows = product.case.fraction == Fraction::Coarse && matches!(engine, Engine::Cpu);
    (!share_rows).then(|| look_ups(Kernel::Split, product, tables))
}

fn look_ups(kernel: Kernel, product: &Product, tables: usize) -> LookUps {
    let blocks = kernel.blocks(&product.layer);
    let units: usize = blocks.iter().map(|b| b.units.len()).sum();
    let rows = (product.case.vectors * units * product.layer.input_steps as usize * tables) as u64;
    let largest = blocks.iter().map(|b| b.table_rows).max().unwrap_or(0);
    LookUps { rows, table_kib: (largest * size_of::<Words>()).div_ceil(1024) }
}

/// Memory of the stages that are run again; kept, as an engine keeps its own.
#[derive(Default)]
pub struct Aside {
    patterns: Vec<u16>,
    sums: Vec<Ints>,
    bytes: [Vec<u8>; 2],
    codes: Vec<Vec<Words>>,
    clips: Vec<u32>,
    accumulators: Vec<Ints>,
}

fn run(kernel: Kernel, product: &Product, trial: u32, stages: &mut Stages) -> Vec<i64> {
    let layer = &product.layer;
    let cells = timed(&mut stages.sampling_s, || program_cells(layer, &product.table, None, product.seed, trial));
    let input = View { values: &product.inputs, shape: product.shape };
    let kept = timed(&mut stages.aside_s, || cells.clone());
    let mut product_s = 0.0;
    let of_engine = timed(&mut product_s, || OfEngine::new(layer, &product.window, INPUT_BITS, 0, Some(kernel), product.case.vectors));
    let part = of_engine.on_chip(cells);
    let mut work = product.work.take();
    timed(&mut product_s, || of_engine.accumulate_all(&part, input, 0, &mut work, &mut Counts::default()));
    let mut aside_s = 0.0;
    // What a layer reads next is there now, in 32 bits; the comparison with other kernels wants them in one order.
    let accumulators = timed(&mut aside_s, || of_engine.widened(&work, product.case.vectors));
    product.work.replace(work);
    timed(&mut aside_s, || {
        let mut second = Stages::default();
        again(kernel, product, &kept, input, &mut second);
        stages.tables_s += second.tables_s;
        product_s -= second.tables_s;
        stages.patterns_s += second.patterns_s;
        stages.look_up_s += second.look_up_s;
        stages.product_s += product_s - second.patterns_s;
    });
    stages.aside_s += aside_s;
    accumulators
}

/// The stages once more, each by itself.
fn again(kernel: Kernel, product: &Product, cells: &Cells, input: View, stages: &mut Stages) {
    let (layer, vectors) = (&product.layer, product.case.vectors);
    let Conversion::Rounding(adc) = &layer.conversion else { return };
    let converter = Converter::new(adc);
    let source = Source { layer, cells, converter: &converter };
    let steps = layer.input_steps as usize;
    let mut aside = product.aside.take();
    aside.accumulators.clear();
    aside.accumulators.resize(layer.columns.div_ceil(INTS) * vectors, Ints::ZERO);
    for block in kernel.blocks(&product.layer) {
        if kernel == Kernel::Table {
            aside.codes.resize_with(layer.columns.div_ceil(WORDS), Vec::new);
            for (tile, codes) in aside.codes.iter_mut().enumerate() {
                codes.resize(block.table_rows, Words::ZERO);
                aside.clips.resize(block.table_rows, 0);
                timed(&mut stages.tables_s, || code_tables(&source, &block, tile, codes, &mut aside.clips));
            }
        }
        for first in (0..vectors).step_by(VECTORS) {
            let place = first..(first + VECTORS).min(vectors);
            aside.patterns.resize(place.len() * block.units.len() * steps, 0);
            aside.bytes = timed(&mut stages.patterns_s, || {
                let bytes = InputBytes::of_piece(&product.window, input, INPUT_BITS, block.rows(), place.clone(), std::mem::take(&mut aside.bytes));
                patterns(&block.units, bytes.window(), &bytes, steps, layer.dac_bits as usize, 0..1, &mut aside.patterns);
                bytes.into_memory()
            });
            let patterns = Patterns { numbers: &aside.patterns, units: block.units.len(), steps, dac_bits: layer.dac_bits };
            for (codes, of_tile) in aside.codes.iter().zip(aside.accumulators.chunks_mut(2 * vectors)) {
                let (low, high) = of_tile.split_at_mut(vectors);
                timed(&mut stages.look_up_s, || look_up_codes(codes, &[], patterns, &mut low[place.clone()], &mut high[place.clone()]));
            }
            if kernel == Kernel::Table {
                continue;
            }
            aside.sums.resize(block.table_rows, Ints::ZERO);
            for (half, of_half) in aside.accumulators.chunks_mut(vectors).enumerate() {
                for (plane, slice) in (0..layer.planes.converted).flat_map(|p| (0..layer.planes.slices).map(move |s| (p, s))) {
                    let columns = timed(&mut stages.tables_s, || sum_tables(&source, &block, Place { plane, slice, half }, &mut aside.sums));
                    let Some(columns) = columns else { continue };
                    let weight = 1 << (slice as u32 * layer.cell_bits);
                    let accumulators = &mut of_half[place.clone()];
                    timed(&mut stages.look_up_s, || look_up_sums(&aside.sums, patterns, &source, &columns, weight, accumulators));
                }
            }
        }
    }
    product.aside.replace(aside);
}
