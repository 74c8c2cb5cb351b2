//! What is held in memory, by the kernel's own count of this process (Linux): one test after another, in one process.
#![cfg(target_os = "linux")]

use bwq::config::{self, Overrides};
use bwq::dataset::{self, Pixels};
use bwq::engine::cpu::program_cells::Cells;
use bwq::engine::{Engine, IntegerImages, Plan, cpu};
use bwq::network::{Network, Node, Op, Preprocess, Source, Tensor, float};
use bwq::quantize::lower::lower;
use bwq::sweep::materials::Materials;
use bwq::sweep::run::{Request, run};
use bwq::sweep::shard::Shard;
use bwq::sweep::{Observer, estimate};
use bwq::warning::Warning;
use std::io::Write;
use std::sync::Arc;

const MIB: usize = 1 << 20;

/// A line of /proc/self/status, in bytes.
fn status(name: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").expect("the kernel's word");
    let kib = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    kib.unwrap_or_else(|| panic!("{name} in {text}")) << 10
}

/// Most bytes that were resident while `work` was done, and as many as are beyond those before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize, usize) {
    std::fs::write("/proc/self/clear_refs", "5").expect("a peak that begins anew");
    let before = status("VmRSS");
    let done = work();
    let most = status("VmHWM");
    (done, most, most.saturating_sub(before))
}

/// One test, so that none of them sees another's memory.
#[test]
fn what_is_held() {
    images_that_are_not_used_are_not_read();
    a_chip_that_is_looked_at_is_never_whole();
    integers_are_made_when_they_are_wanted();
    activations_are_freed();
    the_dry_run_says_what_a_run_takes();
}

/// 3 GB of images on a disk, of which eight are used.
fn images_that_are_not_used_are_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = 20_000;
    let array = |name: &str, dtype: &str, shape: &str, bytes: u64| {
        let mut header = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({shape}), }}");
        header += &" ".repeat(117 - header.len());
        let mut file = std::fs::File::create(folder.path().join(name)).expect("created");
        file.write_all(&[b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes(), b"\n"].concat()).expect("written");
        file.set_len(128 + bytes).expect("a sparse file");
    };
    array("images.npy", "|u1", &format!("{count}, 3, 224, 224"), count * 3 * 224 * 224);
    array("labels.npy", "<i8", &format!("{count},"), count * 8);
    array("calibration.npy", "|u1", "4, 3, 224, 224", 4 * 3 * 224 * 224);
    let (set, _, more) = peak(|| dataset::load(folder.path(), 8, 4).expect("a test set"));
    assert_eq!((set.len(), set.calibration_len(), set.images.len()), (8, 4, 8 * 3 * 224 * 224));
    println!("8 of {count} images: {} MiB", more / MIB);
    assert!(more < 16 * MIB, "{} MiB", more / MIB);
}

fn node(name: &str, op: Op, input: Source, out_shape: Vec<usize>) -> Node {
    Node { name: name.into(), op, inputs: vec![input], out_shape, range: None }
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).collect()
}

fn network(input_shape: [usize; 3], nodes: Vec<Node>) -> Network {
    let channels = input_shape[0];
    Network { name: "wide".into(), input_shape, preprocess: Preprocess { scale: 1.0 / 255.0, mean: vec![0.0; channels], std: vec![1.0; channels] }, nodes }
}

/// Six layers of 512 x 512: a chip of them has 42 MiB of cells, and one layer's are there at a time (twice, and error-free).
fn a_chip_that_is_looked_at_is_never_whole() {
    const N: usize = 512;
    let layer = |i: usize| {
        let weight = Tensor::of_floats(vec![N, N], numbers(N * N));
        let input = if i == 0 { Source::Input } else { Source::Node(i - 1) };
        node(&format!("fc{i}"), Op::Linear { weight, bias: None }, input, vec![N])
    };
    let network = network([N, 1, 1], (0..6).map(layer).collect());
    let toml = "[device]\nprogramming_error = { law = \"lognormal\", sigma_ln = 0.1 }\n";
    let point = config::parse_mvm(toml, "test", &Overrides::default()).unwrap_or_else(|e| panic!("{e}"));
    let pixels = Pixels::U8((0..2 * N).map(|i| (i * 31 % 256) as u8).collect());
    let labels = vec![0, 1];
    let dataset = dataset::Dataset { name: "two".into(), shape: [N, 1, 1], images: std::sync::Arc::new(pixels.clone()), labels, calibration: pixels, calibration_source: "the same".into() };
    let integers = Arc::new(lower(&network, &dataset, &point.quantization, None).unwrap_or_else(|e| panic!("{e}")));
    let images = IntegerImages::new(&integers, &dataset);
    let plan = Plan::new(integers, &point, &[]).unwrap_or_else(|e| panic!("{e}"));
    let cells: usize = plan.layers.iter().flatten().map(|part| Cells::bytes(&part.crossbar)).sum();
    let (tallies, _, more) = peak(|| cpu::tally_layers(&plan, &images, 0..2, &|| false).expect("not stopped"));
    assert_eq!(tallies.len(), 2);
    println!("two chips of {} MiB, looked at: {} MiB", cells / MIB, more / MIB);
    assert!(cells > 40 * MIB && 4 * more < 3 * cells, "{} MiB of {} MiB", more / MIB, cells / MIB);
}

/// Sixteen images of a million pixels: their integers are there one image at a time.
fn integers_are_made_when_they_are_wanted() {
    const N: usize = 1 << 20;
    let weight = Tensor::of_floats(vec![1, N], numbers(N));
    let nodes = vec![node("flat", Op::Flatten, Source::Input, vec![N]), node("fc", Op::Linear { weight, bias: None }, Source::Node(0), vec![1])];
    let network = network([1, N / 1024, 1024], nodes);
    let pixel = |i: usize| (i * 31 % 251) as u8;
    let images = Arc::new(Pixels::U8((0..16 * N).map(pixel).collect()));
    let calibration = Pixels::U8((0..N).map(pixel).collect());
    let dataset = dataset::Dataset { name: "large".into(), shape: [1, N / 1024, 1024], images, labels: vec![0; 16], calibration, calibration_source: "the first".into() };
    let point = config::parse_mvm("", "test", &Overrides::default()).unwrap_or_else(|e| panic!("{e}"));
    let integers = lower(&network, &dataset, &point.quantization, None).unwrap_or_else(|e| panic!("{e}"));
    let (sum, _, more) = peak(|| {
        let images = IntegerImages::new(&integers, &dataset);
        (0..images.len()).map(|i| images.image(i).iter().map(|&v| u64::from(v)).sum::<u64>()).sum::<u64>()
    });
    let expected: u64 = (0..16 * N).map(|i| u64::from(integers.pixel_table[0][usize::from(pixel(i))])).sum();
    println!("integers of 16 images of 2 MiB: {} MiB", more / MIB);
    assert_eq!(sum, expected);
    assert!(more < 5 * MIB, "{} MiB", more / MIB);
}

/// Forty maps of 4 MiB one after another: a few are there.
fn activations_are_freed() {
    let shape = vec![16, 256, 256];
    let step = |i: usize| {
        let input = if i == 0 { Source::Input } else { Source::Node(i - 1) };
        let pool = Op::MaxPool { kernel: [3, 3], stride: [1, 1], pad: [1; 4] };
        node(&format!("n{i}"), if i % 2 == 0 { pool } else { Op::Relu }, input, shape.clone())
    };
    let network = network([16, 256, 256], (0..40).map(step).collect());
    let image = numbers(network.input_len());
    let runner = float::Runner::new(&network);
    let (seen, _, more) = peak(|| {
        let mut seen = 0;
        runner.visit(&image, &mut |_, values| seen += values.len());
        seen
    });
    assert_eq!(seen, 40 * image.len());
    println!("40 activations of 4 MiB: {} MiB", more / MIB);
    assert!(more < 16 * MIB, "{} MiB", more / MIB);
}

struct Quiet;

impl Observer for Quiet {
    fn say(&self, _: &str) {}
    fn warn(&self, _: &Warning) {}
    fn progress(&self, _: u64, _: u64) {}
    fn interrupted(&self) -> bool {
        false
    }
}

fn the_dry_run_says_what_a_run_takes() {
    let images = if cfg!(debug_assertions) { 10 } else { 100 };
    let toml = format!(
        "[network]\nmodel = \"embedded\"\ndataset = \"embedded\"\nimages = {images}\n[crossbar]\nou_wordlines = [9, 32]\n\
         [device]\nprogramming_error = {{ law = \"lognormal\", sigma_ln = 0.1 }}\n[monte_carlo]\ntrials = 4\n"
    );
    let sweep = config::parse(&toml, "test", &Overrides::default()).unwrap_or_else(|e| panic!("{e}"));
    let out = tempfile::tempdir().expect("a folder");
    let request = Request { sweep: &sweep, out: out.path(), engine: &Engine::Cpu, kernel: None, shard: Shard::ALL, half_width_frac: None, command: &[] };
    let said = estimate::estimate(&request, &Quiet).unwrap_or_else(|e| panic!("{e}")).memory_bytes as usize;
    let ((outcome, _at_work), most, _) = peak(|| run(&request, &mut Materials::default(), &Quiet).unwrap_or_else(|e| panic!("{e}")));
    assert!(outcome.made > 0);
    println!("embedded network: {} MiB, {} MiB by the dry run", most / MIB, said / MIB);
    // The process has what earlier steps left to the allocator, too.
    assert!(most < said + said / 2 + 32 * MIB && said < 3 * most, "{} MiB, {} MiB by the dry run", most / MIB, said / MIB);
}
