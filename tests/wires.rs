//! Wires: a layer's currents against nodal analysis of whole crossbars, and what must hold of any wire.

mod support;

use bwq::config::{self, AdcBits, AdcConfig, AdcRange, CrossbarConfig, DeviceConfig, DigitalLayers, Encoding, OffsetRemoval, Overrides, RowCut, Subtraction, WireConfig, WireTopology};
use bwq::crossbar::layer::{Build, Weights};
use bwq::crossbar::{CrossbarLayer, Wires};
use bwq::device::{QuantileTable, g_off};
use bwq::engine::cpu::crossbar_mvm::{Counts, Mvm};
use bwq::engine::cpu::program_cells::nominal_cells;
use bwq::mvm::{Operands, mvm};
use bwq::quantize::Window;
use bwq::rng::PhiloxStream;
use rand::RngExt;
use support::resistors::Network;

const FRACTION_BITS: u32 = 24;

/// A layer on small crossbars, its cells' table, and the resistance of a segment in units of 1 / g_on.
struct Small {
    layer: CrossbarLayer,
    table: QuantileTable,
    segment: f64,
}

fn small(rng: &mut PhiloxStream, topology: WireTopology) -> Small {
    let crossbar = CrossbarConfig {
        rows: rng.random_range(5..9),
        cols: rng.random_range(5..12),
        ou_wordlines: rng.random_range(2..5),
        ou_bitlines: rng.random_range(1..4),
        cell_bits: 1,
        dac_bits: 1,
        row_cut: [RowCut::BlockAligned, RowCut::Physical][rng.random_range(0..2)],
        encoding: [Encoding::Differential(Subtraction::Analog), Encoding::Differential(Subtraction::Digital), Encoding::Offset(OffsetRemoval::UnitColumn)][rng.random_range(0..3)],
        digital_layers: DigitalLayers::None,
    };
    let wires = WireConfig { ohm: [3.0, 40.0, 900.0][rng.random_range(0..3)], topology };
    let device = DeviceConfig { on_off_ratio: [None, Some(20.0)][rng.random_range(0..2)], wires, ..DeviceConfig::default() };
    let build = Build {
        name: "small",
        layer: 0,
        first_output: 0,
        weight_bits: 3,
        input_bits: 1,
        crossbar: &crossbar,
        adc: &AdcConfig { bits: AdcBits::Ideal, range: AdcRange::Full },
        g_off: g_off(device.on_off_ratio),
        fraction_bits: FRACTION_BITS,
        calibrated_multiple: 1,
        digital: false,
    };
    let [rows, outputs] = [rng.random_range(1..12), rng.random_range(1..6)];
    let values: Vec<i32> = (0..rows * outputs).map(|_| rng.random_range(-3..=3)).collect();
    // Weights of fewer bits lack cells.
    let bits: Vec<u32> = (0..rows * outputs).map(|_| rng.random_range(0..3)).collect();
    let layer = CrossbarLayer::new(&build, &Weights { rows, outputs, values: &values, magnitude_bits: &|row, output| bits[row * outputs + output] });
    let layer = layer.expect("a layer").with_wires(Wires::new(&device, FRACTION_BITS));
    Small { layer, table: QuantileTable::new(&device, 1, FRACTION_BITS), segment: wires.ohm * device.g_on_siemens }
}

impl Small {
    /// Conductance of a cell, unit g_on; 0 where there is none.
    fn cell(&self, row: usize, plane: usize, slice: usize, column: usize) -> f64 {
        let level = self.layer.level(self.layer.cells[row * self.layer.columns + column], plane, slice);
        level.map_or(0.0, |level| f64::from(self.table.nominal[level as usize]) / f64::from(1u32 << FRACTION_BITS))
    }

    /// Columns of cells: (plane, slice, column).
    fn columns(&self) -> Vec<(usize, usize, usize)> {
        let planes = &self.layer.planes;
        (0..planes.programmed).flat_map(|p| (0..planes.slices).flat_map(move |s| (0..self.layer.columns).map(move |c| (p, s, c)))).collect()
    }

    /// Currents of a group's columns by nodal analysis of all wordlines and bitlines of its crossbars, unit g_on.
    fn by_nodal_analysis(&self, group: [u32; 2], driven: &[u32]) -> Vec<f64> {
        let (layout, gated) = (&self.layer.layout, self.layer.gated().is_some());
        let (lines, bitlines) = (layout.wordlines, layout.bitlines);
        let columns = self.columns();
        let mut currents = vec![0.0; columns.len()];
        let crossbars = columns.iter().map(|&(p, s, c)| layout.bitline(p, s, c).crossbar).max().unwrap_or(0) + 1;
        for crossbar in 0..crossbars {
            // Node 2 (line, bitline): the row wire, or the supply wire of gated cells; node 2 (line, bitline) + 1: the column.
            let node = |line: usize, bitline: usize| 2 * (line * bitlines + bitline);
            let mut network = Network::new(2 * lines * bitlines);
            let wire = 1.0 / self.segment;
            for (line, bitline) in (0..lines).flat_map(|l| (0..bitlines).map(move |b| (l, b))) {
                let here = node(line, bitline);
                let voltage = |line: usize| {
                    let row = (group[0]..group[1]).find(|&row| layout.wordline(row as usize).line == line);
                    f64::from(row.map_or(0, |row| driven[row as usize]))
                };
                match (gated, line, bitline) {
                    (true, 0, _) => network.fix(here, 1.0, wire),
                    (true, ..) => network.join(here, node(line - 1, bitline), wire),
                    (false, _, 0) => network.fix(here, voltage(line), wire),
                    (false, ..) => network.join(here, node(line, bitline - 1), wire),
                }
                if line + 1 == lines {
                    network.fix(here + 1, 0.0, wire);
                } else {
                    network.join(here + 1, node(line + 1, bitline) + 1, wire);
                }
            }
            let here = |&(p, s, c): &(usize, usize, usize)| layout.bitline(p, s, c).crossbar == crossbar;
            for &(p, s, c) in columns.iter().filter(|at| here(at)) {
                for row in (group[0] as usize..group[1] as usize).filter(|&row| !gated || driven[row] == 1) {
                    let at = node(layout.wordline(row).line, layout.bitline(p, s, c).line);
                    network.join(at, at + 1, self.cell(row, p, s, c));
                }
            }
            let voltages = network.solve();
            for (current, &(p, s, c)) in currents.iter_mut().zip(&columns).filter(|(_, at)| here(at)) {
                *current = voltages[node(lines - 1, layout.bitline(p, s, c).line) + 1] * wire;
            }
        }
        currents
    }

    /// The sums before the converter, unit g_on: `[group][converted column]`.
    fn sums(&self, driven: &[u32]) -> Vec<f64> {
        let window = Window { first_channel: 0, channels: self.layer.rows, kernel: [1, 1], stride: [1, 1], pad: [0, 0], dilation: [1, 1], out: [1, 1] };
        let mut product = Mvm::new(&self.layer, &window, 0);
        product.keep_sums();
        product.run(&nominal_cells(&self.layer, &self.table, None), driven, [self.layer.rows, 1, 1], &mut Counts::default());
        product.sums().iter().map(|&sum| f64::from(sum) / f64::from(1u32 << FRACTION_BITS)).collect()
    }
}

/// Where a cell sits in its crossbar counts: open rows and bitlines without cells leave their wires.
#[test]
fn currents_are_those_of_whole_crossbars() {
    let mut rng = PhiloxStream::new(41);
    for case in 0..60 {
        let s = small(&mut rng, [WireTopology::Plain, WireTopology::Gated][case % 2]);
        let driven: Vec<u32> = (0..s.layer.rows).map(|_| rng.random_range(0..2)).collect();
        let sums = s.sums(&driven);
        let converted = s.layer.converted_columns();
        for (g, &group) in s.layer.groups.iter().enumerate() {
            let mut expected = vec![0.0; converted];
            for (i, (current, (plane, ..))) in s.by_nodal_analysis(group, &driven).into_iter().zip(s.columns()).enumerate() {
                let negative = s.layer.planes.signed() && plane == 1;
                expected[i % converted] += if negative { -current } else { current };
            }
            // Every effective conductance is rounded to a whole unit.
            let tolerance = 10.0 / f64::from(1u32 << FRACTION_BITS);
            for (i, expected) in expected.iter().enumerate() {
                let got = sums[g * converted + i];
                assert!((got - expected).abs() < tolerance, "case {case}, {:?}, group {group:?}, column {i}: {got} {expected}", s.layer.wires);
            }
        }
    }
}

fn outputs(ways: &str, wires: &str, o: &Operands) -> Vec<f64> {
    let toml = format!("[crossbar]\nou_wordlines = 9\n{ways}\n[adc]\nbits = \"ideal\"\n[device]\nprogramming_error = {{ law = \"lognormal\", sigma_ln = 0.1 }}\n{wires}\n[monte_carlo]\ntrials = 2\n");
    let point = config::parse_mvm(&toml, "test", &Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{toml}"));
    let one = Operands { weights: o.weights.clone(), inputs: o.inputs.clone(), conductances: None, ..*o };
    mvm(&point, &one).expect("a product").outputs
}

/// Less resistance, less difference, down to none; and positive weights lose current with every ohm.
#[test]
fn a_wire_takes_current_away_and_no_resistance_none() {
    let mut rng = PhiloxStream::new(42);
    let (n, k, vectors) = (5, 21, 3);
    let random = |rng: &mut PhiloxStream, count, low: i64, high: i64| (0..count).map(|_| rng.random_range(low..=high)).collect::<Vec<i64>>();
    let o = Operands { shape: [n, k], weights: random(&mut rng, n * k, 1, 127), vectors, inputs: random(&mut rng, k * vectors, 1, 255), conductances: None, pre_adc: false, kernel: None };
    for ways in ["subtraction = \"analog\"", "encoding = \"offset\"\noffset_removal = \"unit-column\""] {
        let none = outputs(ways, "", &o);
        assert_eq!(outputs(ways, "wire_ohm = 0.0\nwire_topology = \"gated\"", &o), none);
        let largest = none.iter().fold(0.0f64, |a, v| a.max(v.abs()));
        for topology in ["plain", "gated"] {
            let mut former = none.clone();
            for ohm in [1e-9, 1e-3, 1.0, 30.0, 1000.0, 1e6] {
                let now = outputs(ways, &format!("wire_ohm = {ohm:?}\nwire_topology = \"{topology}\""), &o);
                let off = now.iter().zip(&none).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / largest;
                assert!(if ohm < 1e-5 { off < 1e-6 } else { off > 1e-9 }, "{topology}, {ohm}: {off}");
                if ways.starts_with("subtraction") {
                    assert!(now.iter().zip(&former).all(|(now, before)| now < &(before + 1e-6 * largest)), "{topology}, {ohm}");
                    former = now;
                }
            }
        }
    }
}
