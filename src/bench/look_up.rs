//! The look-up kernels under measurement: the engine's own way, with the time of each stage.
//!
//! The engine prepares patterns (and, for tables of partial sums, tables) in the middle of a product, block by block.
//! These stages are run once more by themselves, and their time is taken off that of the product.

use super::cases::Product;
use super::clock::{Stages, timed};
use crate::crossbar::Conversion;
use crate::engine::Kernel;
use crate::engine::cpu::View;
use crate::engine::cpu::code_tables::{Converter, Source};
use crate::engine::cpu::crossbar_mvm::Counts;
use crate::engine::cpu::input_bytes::InputBytes;
use crate::engine::cpu::lanes::{INTS, Ints, WORDS};
use crate::engine::cpu::patterns::patterns;
use crate::engine::cpu::product::Product as OfEngine;
use crate::engine::cpu::program_cells::{Cells, program_cells};
use crate::engine::cpu::sum_tables::{Place, sum_tables};
use crate::engine::kernel::{SUM_BITS, units_at_once};
use crate::engine::units::{Block, of_groups, within_groups};

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

/// Rows of 32 codes of 16 bits: one per vector, row group, input step and 32 columns.
pub fn code_rows(product: &Product) -> u64 {
    let units: usize = blocks(Kernel::Table, product).iter().map(|b| b.units.len()).sum();
    (patterns_of(product, units) * product.layer.columns.div_ceil(WORDS)) as u64
}

/// Rows of 16 sums of 32 bits: one per vector, unit, input step, slice and 16 columns.
pub fn sum_rows(product: &Product) -> u64 {
    let units: usize = blocks(Kernel::Split, product).iter().map(|b| b.units.len()).sum();
    let planes = &product.layer.planes;
    (patterns_of(product, units) * planes.converted * planes.slices * product.layer.columns.div_ceil(INTS)) as u64
}

fn patterns_of(product: &Product, units: usize) -> usize {
    product.case.vectors * units * product.layer.input_steps as usize
}

fn run(kernel: Kernel, product: &Product, trial: u32, stages: &mut Stages) -> Vec<i64> {
    let layer = &product.layer;
    let cells = timed(&mut stages.sampling_s, || program_cells(layer, &product.table, product.seed, trial));
    let input = View { values: &product.inputs, shape: product.shape };
    let aside = if kernel == Kernel::Split { Some(cells.clone()) } else { None };
    let mut all_s = 0.0;
    let of_engine = timed(&mut all_s, || OfEngine::new(layer, &product.window, INPUT_BITS, 0, Some(kernel), product.case.vectors));
    let mut tables_s = 0.0;
    let part = timed(&mut tables_s, || of_engine.on_chip(cells, true));
    let mut work = product.work.take();
    let accumulators = timed(&mut all_s, || of_engine.accumulators(&part, input, &mut work, &mut Counts::default()));
    product.work.replace(work);
    timed(&mut stages.aside_s, || {
        let mut patterns_s = 0.0;
        timed(&mut patterns_s, || prepare_patterns(kernel, product, input));
        if let Some(cells) = &aside {
            let mut again_s = 0.0;
            timed(&mut again_s, || build_sums(product, cells));
            tables_s += again_s;
            all_s -= again_s;
        }
        stages.patterns_s += patterns_s;
        stages.tables_s += tables_s;
        stages.product_s += all_s - patterns_s;
    });
    accumulators
}

fn blocks(kernel: Kernel, product: &Product) -> Vec<Block> {
    match kernel {
        Kernel::Split => within_groups(&product.layer, SUM_BITS),
        _ => of_groups(&product.layer, units_at_once(&product.layer)),
    }
}

fn prepare_patterns(kernel: Kernel, product: &Product, input: View) {
    let (steps, dac_bits) = (product.layer.input_steps as usize, product.layer.dac_bits as usize);
    let bytes = InputBytes::new(&product.window, input, 0, INPUT_BITS);
    let mut numbers = product.patterns.take();
    for block in blocks(kernel, product) {
        numbers.resize(product.case.vectors * block.units.len() * steps, 0);
        patterns(&block.units, &product.window, &bytes, steps, dac_bits, 0..1, &mut numbers);
        std::hint::black_box(&numbers);
    }
    product.patterns.replace(numbers);
}

fn build_sums(product: &Product, cells: &Cells) {
    let layer = &product.layer;
    let Conversion::Rounding(adc) = &layer.conversion else { return };
    let converter = Converter::new(adc);
    let source = Source { layer, cells, converter: &converter };
    let mut rows = Vec::new();
    for block in blocks(Kernel::Split, product) {
        rows.resize(block.table_rows, Ints::ZERO);
        for half in 0..layer.columns.div_ceil(INTS) {
            for plane in 0..layer.planes.converted {
                for slice in 0..layer.planes.slices {
                    std::hint::black_box(sum_tables(&source, &block, Place { plane, slice, half }, &mut rows));
                }
            }
        }
    }
}
