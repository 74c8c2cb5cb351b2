//! Energies, areas and times of component sets against outside figures: ISAAC's own table, other simulators, laws of ADCs.
//!
//! L64 is a convolution of 3x3, 64 to 64 channels, output 32x32, on arrays of 128x128 and OUs of 9x8, cut at the arrays' borders
//! ("physical"); its counts are given here, so that prices are tested apart from counting.

mod support;

use bwq::cost::components::{BAND, ComponentSet, Prices};
use bwq::cost::events::{Busiest, Events, Hardware, Reading};
use bwq::cost::price::{self, Band, Breakdown, Cost, Stages};

const OU: Reading = Reading { adc_bits: 4, wordlines_on: 9, conversions_per_adc: 1, pipelined: true };
const ISAAC: Reading = Reading { adc_bits: 8, wordlines_on: 128, conversions_per_adc: 128, pipelined: true };

fn prices(set: &str, reading: &Reading) -> Prices {
    ComponentSet::named(set).and_then(|s| s.prices(reading)).unwrap_or_else(|e| panic!("{e}"))
}

/// What `reads` of whole arrays are (ISAAC: 128 x 128 cells of 2 bits, sums of 16 bits).
fn isaac_reads(reads: u64) -> Events {
    let columns = 128 * reads;
    Events {
        ou_activations: reads,
        adc_conversions: columns,
        wordline_drives: 128 * reads,
        cell_reads: 128 * columns,
        shift_adds: columns,
        shift_add_bits: 16 * columns,
        input_register_bits_read: 128 * reads,
        output_register_bits_written: 16 * columns,
        output_register_bits_read: 16 * columns,
        ..Default::default()
    }
}

/// What so many activations of OUs of 9 x 8 are, in their bank.
fn ou_activations(ous: u64) -> Events {
    Events { ou_activations: ous, adc_conversions: 8 * ous, wordline_drives: 9 * ous, cell_reads: 72 * ous, shift_adds: 8 * ous, shift_add_bits: 8 * 26 * ous, ..Default::default() }
}

/// L64 with 8-bit weights and inputs, 1-bit cells: activations of its OUs, and cycles of its fullest array.
const L64: (u64, u64) = (35_651_584, 1_966_080);

/// L64 with its traffic: partial sums leave the adders once per weight (8 OUs), inputs are fetched anew at every position and go to
/// the four arrays that share them.
fn l64() -> Events {
    let (positions, rows, outputs) = (1024, 576, 64);
    Events {
        input_register_bits_written: positions * rows * 8 * 4,
        input_register_bits_read: 9 * L64.0,
        output_register_bits_written: L64.0 * 26,
        output_register_bits_read: L64.0 * 26,
        controller_steps: L64.0,
        accumulations: 4 * outputs * positions,
        accumulation_bits: 4 * outputs * positions * 26,
        tile_register_bits_written: 5 * outputs * positions * 26,
        tile_register_bits_read: 5 * outputs * positions * 26,
        buffer_bits_read: positions * rows * 8,
        buffer_bits_written: positions * outputs * 8,
        bus_bits: positions * (rows + outputs) * 8,
        router_hop_bits: positions * outputs * 8,
        activation_functions: positions * outputs,
        requantisations: positions * outputs,
        programmed_cells: 576 * 64 * 8,
        ..ou_activations(L64.0)
    }
}

fn l64_hardware() -> Hardware {
    Hardware {
        arrays: 20,
        cells: 20 * 16384,
        wordline_drivers: 20 * 128,
        adcs: 20 * 8,
        shift_adders: 20 * 4,
        input_register_bits: 20 * 16384,
        output_register_bits: 20 * 2048,
        controllers: 20,
        accumulators: 1,
        tile_register_bits: 24576,
        buffer_bits: 524_288,
        buses: 1,
        ..Default::default()
    }
}

fn isaac_chip() -> Hardware {
    let (tiles, imas, arrays) = (168, 168 * 12, 168 * 96);
    Hardware {
        arrays,
        cells: arrays * 16384,
        wordline_drivers: arrays * 128,
        sample_holds: arrays * 128,
        adcs: arrays,
        shift_adders: 4 * imas,
        input_register_bits: imas * 16384,
        output_register_bits: imas * 2048,
        accumulators: tiles,
        tile_register_bits: tiles * 24576,
        buffer_bits: tiles * 524_288,
        buses: tiles,
        routers: tiles / 4,
        activation_units: 2 * tiles,
        pooling_units: tiles,
        off_chip_links: 4,
        ..Default::default()
    }
}

#[track_caller]
fn near(what: &str, found: f64, target: f64, tolerance: f64) {
    println!("{what}: {found:.5}, target {target} within {:.2} %", 100.0 * tolerance);
    assert!((found / target - 1.0).abs() <= tolerance, "{what}: {found}, not {target}");
}

#[track_caller]
fn within_factor(what: &str, found: f64, target: f64, factor: f64) {
    println!("{what}: {found:.5}, target {target} within a factor of {factor}: {:.3}", found / target);
    assert!(found / target < factor && target / found < factor, "{what}: {found}, not {target}");
}

fn part_uj(energy: &Breakdown, name: &str) -> f64 {
    energy.part(name).unwrap_or_else(|| panic!("no part {name}")) * 1e-6
}

/// ISAAC's chip, every array read once in 100 ns: power, area and efficiency are those it prints.
#[test]
fn isaac_is_its_own_table() {
    let prices = prices("isaac", &ISAAC);
    assert_eq!(prices.ou_cycle_ns, 100.0);
    let arrays = 168 * 96;
    let power_mw = |energy: &Breakdown, leave: &[&str]| (energy.total() - leave.iter().map(|l| energy.part(l).expect("a part")).sum::<f64>()) / 100.0;
    let chip = price::energy_pj(&prices, &isaac_reads(arrays));
    let tile = price::energy_pj(&prices, &isaac_reads(96));
    near("chip, W", power_mw(&chip, &[]) * 1e-3, 65.8, 0.005);
    near("tile, mW", power_mw(&tile, &["off_chip"]), 330.0, 0.005);
    let of_tile = ["off_chip", "router", "bus", "buffer", "tile_register", "accumulator", "activation", "pooling"];
    near("12 IMAs, mW", power_mw(&tile, &of_tile), 289.0, 0.005);
    near("ADC, share of the tile's power", tile.part("adc").expect("a part") / 100.0 / power_mw(&tile, &["off_chip"]), 0.58, 0.01);

    let area = price::area_um2(&prices, &isaac_chip());
    near("chip, mm2", area.total() * 1e-6, 85.4, 0.005);
    near("tile, mm2", (area.total() - area.part("off_chip").expect("a part")) * 1e-6 / 168.0, 0.372, 0.005);
    near("ADC, share of the tiles' area", area.part("adc").expect("a part") / (area.total() - area.part("off_chip").expect("a part")), 0.31, 0.01);

    // 2048 products of 16 bits in each array take 16 reads.
    let operations_per_ns = arrays as f64 * 2048.0 * 2.0 / 1600.0;
    near("GOPS/mm2", operations_per_ns / (area.total() * 1e-6), 483.5, 0.005);
    near("GOPS/W", operations_per_ns / (power_mw(&chip, &[]) * 1e-3), 627.5, 0.005);
    assert_eq!(price::leakage_mw(&prices, &isaac_chip()).total(), 0.0, "printed powers are totals");
}

/// ISAAC's energy of L64 at 16 bits: 20 arrays of 128 x 128, 327 680 reads.
#[test]
fn isaac_l64() {
    let prices = prices("isaac", &ISAAC);
    let energy = price::energy_pj(&prices, &isaac_reads(327_680));
    for (part, uj) in [("adc", 65.54), ("array", 9.83), ("wordline_driver", 16.38), ("shift_add", 0.82), ("input_register", 5.08), ("output_register", 0.94)] {
        near(&format!("{part}, uJ"), part_uj(&energy, part), uj, 0.005);
    }
    let bank: f64 = ["adc", "array", "wordline_driver", "sample_hold", "shift_add", "input_register", "output_register"].iter().map(|p| part_uj(&energy, p)).sum();
    near("IMA, uJ", bank, 98.6, 0.005);
    near("with tile, uJ", energy.total() * 1e-6 - part_uj(&energy, "off_chip"), 112.6, 0.005);
    near("with chip, uJ", energy.total() * 1e-6, 133.7, 0.005);
    let latency_ns = price::times(&prices, &Busiest { ou_cycles: 16_384, ..Default::default() }).latency_ns(Stages::Overlap);
    near("ms", latency_ns * 1e-6, 1.638, 0.001);
}

#[test]
fn ppsim_l64() {
    let energy = price::energy_pj(&prices("ppsim", &OU), &ou_activations(L64.0));
    for (part, uj) in [("adc", 50.135), ("array", 4.590), ("wordline_driver", 1.880), ("shift_add", 5.524)] {
        near(&format!("{part}, uJ"), part_uj(&energy, part), uj, 0.001);
    }
    near("the four, uJ", energy.total() * 1e-6, 62.13, 0.001);
    let one = price::energy_pj(&prices("ppsim", &OU), &ou_activations(1));
    near("an OU, pJ", one.total(), 1.7427, 0.001);
    near("an ADC of 6 bits, pJ", prices("ppsim", &Reading { adc_bits: 6, ..OU }).parts[0].event_pj[0], 0.5022, 0.001);
}

/// A drive over the whole read, or over 1.5 ns of it: the sets say which.
#[test]
fn a_drive_costs_as_long_as_it_lasts() {
    let drive = |set: &str| price::energy_pj(&prices(set, &OU), &Events { wordline_drives: 1, ..Default::default() }).total();
    near("isaac, pJ", drive("isaac"), 0.39, 0.005);
    near("ppsim, pJ", drive("ppsim"), 5.86e-3, 0.005);
    assert_eq!([drive("adc-survey"), drive("neurosim-sar")], [drive("ppsim"); 2]);
}

#[test]
fn survey_regression() {
    let law = |bits: u32, rate_hz: f64, node_nm: f64| {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
        std::fs::write(file.path(), format!("from = \"adc-survey\"\n[adc]\nlaw = \"survey\"\nrate_hz = {rate_hz:e}\nnode_nm = {node_nm}\nleakage_mw = 0\n")).expect("written");
        let set = ComponentSet::read(file.path()).unwrap_or_else(|e| panic!("{e}"));
        let prices = set.prices(&Reading { adc_bits: bits, ..OU }).unwrap_or_else(|e| panic!("{e}"));
        (prices.parts[0].event_pj[0], prices.parts[0].area_um2)
    };
    near("4 bits, pJ", law(4, 1e9, 32.0).0, 0.92375, 0.001);
    near("8 bits, pJ", law(8, 1e9, 32.0).0, 1.7137, 0.001);
    let Some(path) = support::shared("cost/adc_plugin_table.csv") else { return };
    let mut reader = csv::Reader::from_path(path).expect("a table");
    let (mut rows, mut worst) = (0, 0.0f64);
    for row in reader.records() {
        let row = row.expect("a row");
        let figure = |i: usize| row[i].parse::<f64>().expect("a number");
        if figure(0) < 4.0 {
            continue;
        }
        let (pj, um2) = law(figure(0) as u32, figure(1), figure(2));
        worst = worst.max((pj / figure(3) - 1.0).abs()).max((um2 / figure(5) - 1.0).abs());
        rows += 1;
    }
    println!("{rows} rows of the plug-in, energy and area: {:.4} % off at most", 100.0 * worst);
    assert!(rows == 315 && worst < 0.001, "{rows} rows, {worst}");
}

/// Conversions under the SAR law, and the energies that NeuroSim itself gives for whole layers.
#[test]
fn sar_law() {
    let pj = |reading: &Reading| prices("neurosim-sar", reading).parts[0].event_pj[0];
    near("4 bits, 222 kOhm, pJ", pj(&OU), 0.069, 0.005);
    near("8 bits, 15.6 kOhm, pJ", pj(&ISAAC), 0.208, 0.005);
    let adc_uj = |conversions: u64| part_uj(&price::energy_pj(&prices("neurosim-sar", &OU), &Events { adc_conversions: conversions, ..Default::default() }), "adc");
    within_factor("L64, uJ", adc_uj(285_212_672), 22.06, 1.3);
    within_factor("ResNet-20, uJ", adc_uj(306_189_312), 26.3, 1.4);
}

/// BWQ-H's powers come back when each of the assumed 10 240 banks reads an OU in every cycle of 1.2 GHz; its buffer is charged by the time.
#[test]
fn bwq_h_is_its_own_table() {
    let banks_at_rate = Events { controller_steps: 10_240, shift_add_bits: 0, ..ou_activations(10_240) };
    let energy = price::energy_pj(&prices("bwq-h-table1", &OU), &banks_at_rate);
    let watt = |part: &str| energy.part(part).expect("a part") * 1.2e-3;
    for (part, printed) in [("adc", 23.22), ("array", 0.89), ("wordline_driver", 0.36), ("controller", 0.0928), ("shift_add", 0.0926)] {
        near(&format!("{part}, W"), watt(part), printed, 0.005);
    }
    near("all but the buffer, W", energy.total() * 1.2e-3 - watt("buffer"), 25.25 - 0.59, 0.005);
}

/// More bits cost more energy and more area, under every law.
#[test]
fn finer_converters_cost_more() {
    for set in BAND {
        let adcs: Vec<_> = (4..=10).map(|adc_bits| prices(set, &Reading { adc_bits, ..OU }).parts[0].clone()).collect();
        assert!(adcs.windows(2).all(|w| w[1].event_pj[0] > w[0].event_pj[0] && w[1].area_um2 > w[0].area_um2), "{set}: {adcs:?}");
    }
}

#[test]
fn published_converters() {
    let adc = |set: &str, adc_bits: u32| prices(set, &Reading { adc_bits, ..OU }).parts[0].clone();
    near("FORMS, 4 bits, pJ", adc("forms-adc", 4).event_pj[0], 0.226, 0.005);
    near("FORMS, um2", adc("forms-adc", 4).area_um2, 284.0, 0.005);
    near("Newton, 9 bits, pJ", adc("newton-adc", 9).event_pj[0], 2.583, 0.001);
    near("Newton, stopped after 4, pJ", adc("newton-adc", 4).event_pj[0], 2.583 * 4.0 / 9.0, 1e-9);
    near("Saberi, 8 bits, pJ", adc("saberi-adc", 8).event_pj[0], 1.667, 0.001);
    assert!(ComponentSet::named("forms-adc").is_ok_and(|s| s.prices(&Reading { adc_bits: 5, ..OU }).is_err()));
}

/// With an ADC for each bitline of the OU every set gives the latency that simulators agree on; with one ADC per array the SAR law,
/// which takes 5 ns for each of 8 conversions, does not.
#[test]
fn l64_latency() {
    let busiest = Busiest { ou_cycles: L64.1, ..Default::default() };
    let ms = |set: &str, per_adc: u64| {
        let prices = prices(set, &Reading { conversions_per_adc: per_adc, ..OU });
        let ms = price::times(&prices, &busiest).latency_ns(Stages::Overlap) * 1e-6;
        println!("{set}, {per_adc} conversions per ADC: OU cycle {:.3} ns, {ms:.2} ms", prices.ou_cycle_ns);
        ms
    };
    let agrees = |ms: f64| ms > 14.5 / 1.5 && ms < 16.7 * 1.5;
    assert!(BAND.iter().all(|set| agrees(ms(set, 1))));
    assert!(["isaac", "ppsim", "adc-survey"].iter().all(|set| agrees(ms(set, 8))));
    assert!(!agrees(ms("neurosim-sar", 8)));
}

fn l64_cost(set: &str) -> Cost {
    let busiest = Busiest { ou_cycles: L64.1, buffer_bits: 1024 * 640 * 8, bus_bits: 1024 * 640 * 8, ..Default::default() };
    price::layer(&prices(set, &OU), &l64(), &busiest, &l64_hardware(), Stages::Overlap)
}

/// Four simulators give L64 33, 77, 269 and 928 uJ.
#[test]
fn l64_is_a_band() {
    let costs = BAND.map(|set| (set, l64_cost(set)));
    let others = ["bwq-h-table1", "forms-adc", "newton-adc", "saberi-adc"].map(|set| (set, l64_cost(set)));
    for (set, cost) in costs.iter().chain(&others) {
        let parts: Vec<String> = cost.columns().filter(|(_, pj)| *pj > 0.0).map(|(name, pj)| format!("{name} {:.3}", pj * 1e-6)).collect();
        println!("{set}: {:.1} uJ = {}; programming {:.2} uJ, apart", cost.total_pj() * 1e-6, parts.join(" + "), cost.programming_pj * 1e-6);
    }
    let band = Band::of(costs.iter().map(|(_, c)| c.total_pj() * 1e-6)).expect("four sets");
    println!("L64: {:.1} to {:.1} uJ", band.min, band.max);
    assert!(band.min >= 33.0 && band.max <= 928.0, "{band:?}");
}

/// Columns sum to the total, layers sum to the network, and the network's events cost what its layers do.
#[test]
fn tables_sum() {
    for set in BAND {
        let prices = prices(set, &OU);
        let hardware = l64_hardware();
        let layer = |n: u64| (l64().times(n), Busiest { ou_cycles: 1000 * n, bus_bits: 7 * n, ..Default::default() });
        let (mut sum, mut events, mut busiest) = (Cost::default(), Events::default(), Busiest::default());
        for n in 1..=20 {
            let (e, b) = layer(n);
            let cost = price::layer(&prices, &e, &b, &hardware, Stages::InTurn);
            let columns: f64 = cost.columns().map(|(_, pj)| pj).sum();
            assert!((columns / cost.total_pj() - 1.0).abs() < 1e-9);
            sum += cost;
            events += e;
            busiest += b;
        }
        let whole = price::layer(&prices, &events, &busiest, &hardware, Stages::InTurn);
        let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-9 * b.abs(), "{set}: {a} and {b}");
        sum.columns().zip(whole.columns()).for_each(|((_, a), (_, b))| near(a, b));
        near(sum.total_pj(), whole.total_pj());
        near(sum.latency_ns, whole.latency_ns);
        near(sum.programming_pj, whole.programming_pj);
    }
}

/// What is powered leaks whether it is used or not, and in proportion to the time.
#[test]
fn everything_powered_leaks() {
    let prices = prices("adc-survey", &OU);
    let cost = |hardware: &Hardware, ou_cycles: u64| price::layer(&prices, &l64(), &Busiest { ou_cycles, ..Default::default() }, hardware, Stages::Overlap);
    let (one, two, longer) = (cost(&l64_hardware(), L64.1), cost(&l64_hardware().times(2), L64.1), cost(&l64_hardware(), 3 * L64.1));
    assert!(one.leakage_pj > 0.0);
    assert!((two.leakage_pj / one.leakage_pj - 2.0).abs() < 1e-12 && (longer.leakage_pj / one.leakage_pj - 3.0).abs() < 1e-12);
    assert_eq!([one.energy_pj, one.energy_pj], [two.energy_pj, longer.energy_pj]);
}

/// A layer takes as long as its slowest stage, or as all stages one after another.
#[test]
fn stages_overlap_or_follow() {
    let prices = prices("isaac", &OU);
    let times = price::times(&prices, &Busiest { ou_cycles: 100, buffer_bits: 307_200, bus_bits: 46_080, ..Default::default() });
    assert!((times.arrays_ns - 768.0).abs() < 1e-9);
    assert!((times.latency_ns(Stages::Overlap) - 1000.0).abs() < 1e-9, "the buffer");
    assert!((times.latency_ns(Stages::InTurn) - (768.0 + 1000.0 + 100.0)).abs() < 1e-9);
}
