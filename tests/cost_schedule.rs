//! The schedule of BWQ-H, cycle by cycle, against the closed formulas, the engine and plain integers.

use bwq::config::cost::Placement;
use bwq::config::{Choice, RowCut, parse_mvm};
use bwq::cost::blocks::{Bits, Blocks};
use bwq::cost::count::count;
use bwq::cost::designs;
use bwq::cost::schedule::Machine;
use bwq::cost::scheme::Scheme;
use bwq::cost::shape::Builder;
use bwq::mvm::{Operands, mvm};
use proptest::prelude::*;
use std::borrow::Cow;

/// A small layer, its map and its machine.
#[derive(Debug, Clone)]
struct Small {
    machine: Machine,
    weights: Vec<Vec<i64>>,
    bits: Vec<Vec<u8>>,
    inputs: Vec<u64>,
}

fn small() -> impl Strategy<Value = Small> {
    let machine = (1usize..6, 1usize..5, 0usize..12, 0usize..10, 1u32..3, 1u32..3, 1u32..5, any::<[bool; 2]>()).prop_map(|(h, w, more_rows, more_cols, cell_bits, dac_bits, activation_bits, [physical, packed])| Machine {
        crossbar: [h + more_rows, w + more_cols],
        ou: [h, w],
        cell_bits,
        dac_bits: dac_bits.min(activation_bits),
        activation_bits,
        row_cut: if physical { RowCut::Physical } else { RowCut::BlockAligned },
        placement: if packed { Placement::Packed } else { Placement::BitAligned },
    });
    (machine, 1usize..20, 1usize..12).prop_flat_map(|(machine, rows, outputs)| {
        let [h, w] = machine.ou;
        let bits = prop::collection::vec(prop::collection::vec(0u8..5, outputs.div_ceil(w)), rows.div_ceil(h));
        let inputs = prop::collection::vec(0u64..1 << machine.activation_bits, rows);
        (Just(machine), bits, inputs, any::<u64>()).prop_map(move |(machine, bits, inputs, seed)| {
            let mut stream = bwq::rng::PhiloxStream::new(seed);
            let weight = |row: usize, output: usize, stream: &mut bwq::rng::PhiloxStream| {
                let top = (1i64 << bits[row / h][output / w]) - 1;
                i64::from(stream.below(2 * top as u32 + 1)) - top
            };
            let weights = (0..rows).map(|row| (0..outputs).map(|output| weight(row, output, &mut stream)).collect()).collect();
            Small { machine, weights, bits, inputs }
        })
    })
}

/// The engine's product with ideal cells and a converter that loses nothing.
fn engine(small: &Small) -> Vec<f64> {
    let m = &small.machine;
    let config = format!(
        "[quantization]\nweight_bits = 5\nactivation_bits = {}\n[crossbar]\nrows = {}\ncols = {}\nou_wordlines = {}\nou_bitlines = {}\ncell_bits = {}\ndac_bits = {}\nrow_cut = \"{}\"\n[device]\non_off_ratio = \"infinite\"\n[monte_carlo]\ntrials = 1\n",
        m.activation_bits, m.crossbar[0], m.crossbar[1], m.ou[0], m.ou[1], m.cell_bits, m.dac_bits, m.row_cut.word()
    );
    let point = parse_mvm(&config, "small", &Default::default()).unwrap_or_else(|e| panic!("{config}\n{e}"));
    let (rows, outputs) = (small.weights.len(), small.weights[0].len());
    let weights = (0..outputs).flat_map(|n| small.weights.iter().map(move |row| row[n])).collect();
    let inputs = small.inputs.iter().map(|&x| x as i64).collect();
    mvm(&point, &Operands { shape: [outputs, rows], weights, vectors: 1, inputs, conductances: None, pre_adc: false, kernel: None }).expect("a product").outputs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// The schedule, the closed formulas, the engine and plain integers agree: on OUs, cycles, crossbars, table reads and product.
    #[test]
    fn schedule_formulas_and_engine_agree(small in small()) {
        let m = &small.machine;
        let run = m.run(&small.weights, &small.bits, &small.inputs);
        let scheme = Scheme {
            rows: m.crossbar[0] as u64,
            cols: m.crossbar[1] as u64,
            ou_wordlines: m.ou[0] as u64,
            ou_bitlines: m.ou[1] as u64,
            cell_bits: m.cell_bits,
            dac_bits: m.dac_bits,
            activation_bits: m.activation_bits,
            row_cut: m.row_cut,
            placement: m.placement,
            ..Scheme::of(designs::find("bwq-h").expect("a design"), false)
        };
        let mut net = Builder::new("n", [small.weights.len() as u64, 1, 1]);
        net.linear("fc", small.weights[0].len() as u64, false);
        let layer = net.finish().expect("a layer").layers.remove(0);
        let bits = Bits::Blocks(Blocks { size: [m.ou[0] as u64, m.ou[1] as u64], bits: Cow::Borrowed(&small.bits) });
        let (load, counts) = count(&layer, &bits, &scheme);
        prop_assert_eq!(run.cycles.len() as u64, counts.ou_activations);
        prop_assert_eq!(run.longest() as u64, counts.cycles_sequential);
        prop_assert_eq!(run.table_reads as u64, counts.table_reads);
        prop_assert_eq!(run.fetches as u64, load.driven_ou_rows * scheme.input_steps());
        let mut crossbars: Vec<[usize; 2]> = run.cycles.iter().map(|c| c.crossbar).collect();
        crossbars.sort_unstable();
        crossbars.dedup();
        prop_assert_eq!(crossbars.len() as u64, counts.crossbars);
        let plain: Vec<i64> = (0..small.weights[0].len()).map(|n| small.weights.iter().zip(&small.inputs).map(|(row, &x)| row[n] * x as i64).sum()).collect();
        prop_assert_eq!(&run.outputs, &plain);
        prop_assert_eq!(engine(&small), plain.iter().map(|&x| x as f64).collect::<Vec<_>>());
    }
}
