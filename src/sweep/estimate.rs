//! What a sweep will cost, before it is run: kernels from the cost model, times measured on a few images of one chip
//! of some kinds of points, and scaled from the model for the others.

use super::Observer;
use super::block::Block;
use super::blocks::LAYER_IMAGES;
use super::folder::free_bytes;
use super::manifest::{Manifest, ManifestPoint};
use super::materials::Materials;
use super::references::plan_of;
use super::run::Request;
use crate::config::PointConfig;
use crate::engine::cpu::program_cells::Cells;
use crate::engine::cpu::{self, Chip, Prepared};
use crate::engine::{Engine, IntegerImages, Kernel, Plan};
use crate::error::Result;
use crate::quantize::Matrix;
use std::collections::HashMap;
use std::fmt::Write;
use crate::warning::Warning;
use std::time::Instant;

/// Images that are timed first.
const TIMED_IMAGES: usize = 8;
/// More images are timed, up to `MOST_TIMED_IMAGES`, if they take less.
const TOO_SHORT_S: f64 = 0.1;
/// See above.
const MOST_TIMED_IMAGES: usize = 512;
/// Kinds of points that are timed.
const TIMED_KINDS: usize = 6;
/// Kinds of points that get a line.
const LISTED_KINDS: usize = 20;
/// Memory of the program itself, about.
const PROGRAM_BYTES: usize = 40 << 20;
/// Copies of the largest layer's cells while chips are looked at layer by layer: a chip's, error-free ones, and their making.
const CELLS_LOOKED_AT: usize = 4;
/// Size of a block's file besides its trials and layers, about.
const BLOCK_BYTES: u64 = 500;

/// Points whose trials take the same time.
struct Kind {
    /// Their numbers.
    points: Vec<usize>,
    layers: Vec<Layer>,
    /// Bytes of programmed chips with their network and images.
    bytes: u64,
    /// Seconds per chip, of the model and then measured or scaled.
    seconds: f64,
}

/// A layer of the plan; sums over its channel groups.
struct Layer {
    name: String,
    digital: bool,
    vectors: usize,
    rows: usize,
    columns: usize,
    parts: usize,
    groups: usize,
    kernel: Kernel,
    table_bytes: usize,
    seconds: f64,
}

/// What the missing blocks will cost, in wall time of this machine and the threads it is given.
pub struct Estimate {
    /// Blocks of the shard, those that are there among them.
    pub blocks: u64,
    /// Blocks that are to be made.
    pub missing: u64,
    /// Seconds for them, in all.
    pub blocks_s: f64,
    /// Seconds for the accuracies before any trial, which every process makes that does not find them.
    pub references_s: f64,
    /// Memory of one process, about.
    pub memory_bytes: u64,
    /// A report for the user: points, blocks, time, memory, disk, kernels.
    pub report: String,
}

/// Measures a few images of some kinds of points, and adds up.
pub fn estimate(request: &Request, observer: &dyn Observer) -> Result<Estimate> {
    let mut materials = Materials::default();
    let manifest = Manifest::new(request.sweep, &mut materials)?;
    let mut kinds = kinds(request, &manifest, &mut materials)?;
    let timed = time_kinds(request, &manifest, &mut materials, &mut kinds, observer)?;
    let mut per_chip = vec![0.0; manifest.points.len()];
    kinds.iter().for_each(|kind| kind.points.iter().for_each(|&p| per_chip[p] = kind.seconds));
    // The ideal crossbar and the one without random errors come first.
    let references_s: f64 = kinds.iter().map(|kind| 2.0 * kind.seconds).sum();
    let mut blocks_s = 0.0;
    let (mut disk, mut to_write, mut blocks, mut missing, mut k) = (0, 0, 0, 0, 0);
    for ((point, of), per_chip) in request.sweep.points.iter().zip(&manifest.points).zip(per_chip) {
        let mut of_point = 0;
        for number in 0..of.blocks() {
            if request.shard.takes(k) {
                blocks += 1;
                let bytes = BLOCK_BYTES + u64::from(of.block_trials) * 100 + if number == 0 { of.layers.len() as u64 * 400 } else { 0 };
                disk += bytes;
                if !Block::path(request.out, &of.hash, number).exists() {
                    of_point += 1;
                    to_write += bytes;
                }
            }
            k += 1;
        }
        missing += of_point;
        if !crate::engine::is_deterministic(point) {
            blocks_s += per_chip * (of_point * u64::from(of.block_trials)) as f64;
        }
    }
    if let Some(free) = free_bytes(request.out).filter(|free| *free < to_write) {
        observer.warn(&Warning::DiskTooSmall { out: request.out.display().to_string(), needed_bytes: to_write, free_bytes: free });
    }
    let memory = kinds.iter().map(|kind| kind.bytes).max().unwrap_or(0);
    let measured = if timed < kinds.len() { format!(" ({timed} of {} kinds of points were timed, the others follow from the cost model)", kinds.len()) } else { String::new() };
    let mut text = String::new();
    let _ = writeln!(text, "points   {}", manifest.points.len());
    let _ = writeln!(text, "blocks   {blocks} of {k}, {missing} to be made");
    let _ = writeln!(text, "time     about {} on {}, references included{measured}", duration(references_s + blocks_s), request.engine.describe());
    let _ = writeln!(text, "memory   about {:.1} GiB", memory as f64 / (1u64 << 30) as f64 + 0.05);
    let _ = writeln!(text, "disk     about {:.1} MB in {}", disk as f64 / 1e6, request.out.display());
    write_kernels(&mut text, request, &manifest, &kinds);
    Ok(Estimate { blocks, missing, blocks_s, references_s, memory_bytes: memory, report: text })
}

/// The kinds of points, in the order of their first ones.
fn kinds(request: &Request, manifest: &Manifest, materials: &mut Materials) -> Result<Vec<Kind>> {
    let mut kinds: Vec<Kind> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (i, (point, of)) in request.sweep.points.iter().zip(&manifest.points).enumerate() {
        let d = &point.device;
        let effects = (d.relaxation_sigma_rel > 0.0, d.spread != Default::default(), d.stuck_at != Default::default(), d.drift != Default::default());
        let periphery = (point.converters != Default::default(), point.compensation);
        let key = format!("{} {:?} {:?} {} {:?} {:?} {effects:?} {periphery:?}", of.network_hash, point.crossbar, point.adc, d.on_off_ratio.is_some(), d.wires, d.read_noise);
        if let Some(&at) = known.get(&key) {
            kinds[at].points.push(i);
            continue;
        }
        known.insert(key, kinds.len());
        kinds.push(kind(request, i, point, materials)?);
    }
    Ok(kinds)
}

fn kind(request: &Request, number: usize, point: &PointConfig, materials: &mut Materials) -> Result<Kind> {
    let (material, network) = (materials.of(point)?, materials.quantized(point)?);
    // A range from data changes no cost, so none is computed here.
    let plan = Plan { kernel: request.kernel, ..Plan::new(network.clone(), point, &[])? };
    let images = material.dataset.len();
    let prepared = Prepared::new(&plan, images);
    let of_layer = |(matrix, products): (&Matrix, &Vec<cpu::product::Product>)| {
        let vectors = images * matrix.parts[0].window.positions();
        let sum = |of: &dyn Fn(&cpu::product::Product) -> usize| products.iter().map(of).sum::<usize>();
        Layer {
            name: matrix.name.clone(),
            digital: products[0].layer.digital,
            vectors,
            rows: products[0].layer.rows,
            columns: sum(&|p| p.layer.columns),
            parts: products.len(),
            groups: sum(&|p| p.layer.groups.len()),
            kernel: products[0].kernel,
            table_bytes: sum(&|p| p.table_bytes()),
            seconds: products.iter().map(|p| p.kernel.seconds(p.layer, vectors)).sum(),
        }
    };
    let layers: Vec<Layer> = network.matrices().map(|(_, matrix)| matrix).zip(prepared.products()).map(of_layer).collect();
    let largest = plan.layers.iter().flatten().map(|p| Cells::bytes(&p.crossbar)).max().unwrap_or(0);
    let looked_at = LAYER_IMAGES.min(images) * network.most_elements() * 4 + CELLS_LOOKED_AT * largest;
    let weights: usize = plan.layers.iter().flatten().map(|p| p.crossbar.cells.len() * 4).sum();
    // As floats (twice: as read and with batch norms folded), as integers, and on the crossbar.
    let network_bytes = 2 * 4 * material.network.weights() + 4 * weights;
    let data = material.dataset.bytes();
    // Chips are looked at beside the engine's work only while they are small.
    let at_work = if prepared.has_two() { prepared.bytes() + looked_at } else { prepared.bytes().max(looked_at) };
    let bytes = (PROGRAM_BYTES + at_work + network_bytes + data) as u64;
    Ok(Kind { points: vec![number], seconds: layers.iter().map(|l| l.seconds).sum(), layers, bytes })
}

/// Puts wall seconds per chip in the place of the model's: measured for some kinds, spread from the fastest to the
/// slowest; between them the ratio of the two is interpolated. Returns how many were timed.
fn time_kinds(request: &Request, manifest: &Manifest, materials: &mut Materials, kinds: &mut [Kind], observer: &dyn Observer) -> Result<usize> {
    let mut order: Vec<usize> = (0..kinds.len()).collect();
    order.sort_by(|&a, &b| kinds[a].seconds.total_cmp(&kinds[b].seconds));
    let timed = kinds.len().min(TIMED_KINDS);
    let places: Vec<usize> = (0..timed).map(|i| i * (kinds.len() - 1) / (timed - 1).max(1)).collect();
    let mut ratios = Vec::new();
    for &place in &places {
        let kind = &kinds[order[place]];
        observer.say(&format!("timing {} ...", name_of(manifest, kind)));
        let measured = time(request, &request.sweep.points[kind.points[0]], materials)?;
        ratios.push(measured / kind.seconds.max(1e-12));
    }
    for (at, &number) in order.iter().enumerate() {
        let after = places.partition_point(|&p| p < at).clamp(1.min(timed - 1), timed - 1);
        let before = after.saturating_sub(1);
        let width = (places[after] - places[before]).max(1) as f64;
        let share = (at - places[before]) as f64 / width;
        kinds[number].seconds *= ratios[before] + (ratios[after] - ratios[before]) * share;
    }
    Ok(timed)
}

/// Wall seconds per chip on all images.
fn time(request: &Request, point: &PointConfig, materials: &mut Materials) -> Result<f64> {
    let material = materials.of(point)?;
    let network = materials.quantized(point)?;
    let plan = Plan { kernel: request.kernel, ..plan_of(point, &network, &material)? };
    let images = IntegerImages::new(&network, &material.dataset);
    let per_chip = match request.engine {
        Engine::Cpu => {
            // Kernels are those of all images.
            let prepared = Prepared::new(&plan, images.len());
            let mut chip = Chip::blank(&prepared);
            chip.program(&prepared, 0, &|| false); // finds its memory and warms caches
            let started = Instant::now();
            chip.program(&prepared, 1, &|| false);
            let programming = started.elapsed().as_secs_f64();
            let run = |few: &IntegerImages| {
                cpu::run_chip(&prepared, &chip, few, false);
                Ok(())
            };
            run(&images.first(1))?;
            programming + per_image(&images, run)? * images.len() as f64
        }
        #[cfg(feature = "gpu")]
        Engine::Gpu(gpu) => {
            let run = |few: &IntegerImages| gpu.run(&plan, few, 0..1, false).map(|_| ());
            run(&images.first(1))?; // compiles shaders
            per_image(&images, run)? * images.len() as f64
        }
    };
    Ok(per_chip)
}

/// Seconds per image of `run`, on as many images as it takes to tell.
fn per_image(images: &IntegerImages, run: impl Fn(&IntegerImages) -> Result<()>) -> Result<f64> {
    let mut count = TIMED_IMAGES.min(images.len());
    loop {
        let few = images.first(count);
        let started = Instant::now();
        run(&few)?;
        let seconds = started.elapsed().as_secs_f64();
        let more = (count * 4).min(MOST_TIMED_IMAGES).min(images.len());
        if seconds > TOO_SHORT_S || more <= count {
            return Ok(seconds / count.max(1) as f64);
        }
        count = more;
    }
}

/// The plan: the first kind layer by layer, the others in a line each.
fn write_kernels(text: &mut String, request: &Request, manifest: &Manifest, kinds: &[Kind]) {
    let Some((first, others)) = kinds.split_first() else { return };
    let of = match request.engine {
        Engine::Cpu => "time per chip of one core, by the cost model",
        #[cfg(feature = "gpu")]
        Engine::Gpu(_) => "as on the CPU: a GPU chooses by costs of its own",
    };
    let _ = writeln!(text, "\nkernels for {} ({of})", name_of(manifest, first));
    let total: f64 = first.layers.iter().map(|l| l.seconds).sum();
    let wide = first.layers.iter().map(|l| l.name.chars().count()).max().unwrap_or(0).max(5);
    let _ = writeln!(text, "{:<wide$}  {:>12}  {:>16}  {:>6}  {:<7}  {:>9}  {:>9}  {:>7}", "layer", "vectors/chip", "rows x columns", "groups", "kernel", "table MiB", "ms/chip", "share %");
    for l in &first.layers {
        let size = format!("{}{} x {}", if l.parts > 1 { format!("{} x ", l.parts) } else { String::new() }, l.rows, l.columns / l.parts);
        let tables = if l.table_bytes > 0 { format!("{:.1}", l.table_bytes as f64 / f64::from(1 << 20)) } else { "-".into() };
        let digital = if l.digital { "  digital layer" } else { "" };
        let _ = writeln!(
            text,
            "{:<wide$}  {:>12}  {size:>16}  {:>6}  {:<7}  {tables:>9}  {:>9.1}  {:>7.1}{digital}",
            l.name,
            l.vectors,
            l.groups,
            l.kernel.to_string(),
            l.seconds * 1e3,
            100.0 * l.seconds / total.max(1e-12)
        );
    }
    for kind in others.iter().take(LISTED_KINDS) {
        let uses = |kernel: &Kernel| kind.layers.iter().filter(|l| l.kernel == *kernel).count();
        let list: Vec<String> = Kernel::ALL.iter().filter(|k| uses(k) > 0).map(|k| format!("{k} {}", uses(k))).collect();
        let _ = writeln!(text, "kernels for {}: {} of {} layers", name_of(manifest, kind), list.join(", "), kind.layers.len());
    }
    if others.len() > LISTED_KINDS {
        let _ = writeln!(text, "and {} more kinds of points", others.len() - LISTED_KINDS);
    }
}

/// What tells a kind's points from others: their numbers, from 1, and the values that they share and others lack.
fn name_of(manifest: &Manifest, kind: &Kind) -> String {
    let numbers = ranges(&kind.points);
    let points = if kind.points.len() == 1 { format!("point {numbers}") } else { format!("points {numbers}") };
    let one = &manifest.points[kind.points[0]];
    let tells = |(name, value): &&(String, String)| {
        let same = |p: &ManifestPoint| p.value(name) == value;
        kind.points.iter().all(|&p| same(&manifest.points[p])) && !manifest.points.iter().all(same)
    };
    let values: Vec<String> = one.columns.iter().filter(tells).map(|(name, value)| format!("{name} {value}")).collect();
    if values.is_empty() { points } else { format!("{points}: {}", values.join(", ")) }
}

/// Numbers from 1 for people: 1-4, 9.
fn ranges(points: &[usize]) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for &p in points {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == p => *last = p,
            _ => parts.push((p, p)),
        }
    }
    let part = |&(a, b): &(usize, usize)| if a == b { format!("{}", a + 1) } else { format!("{}-{}", a + 1, b + 1) };
    let shown: Vec<String> = parts.iter().take(6).map(part).collect();
    if parts.len() > 6 { format!("{} ... ({} points)", shown.join(", "), points.len()) } else { shown.join(", ") }
}

/// A time for people.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn runs_of_numbers_are_short() {
        assert_eq!(ranges(&[0, 1, 2, 3, 8]), "1-4, 9");
        assert_eq!(ranges(&[4]), "5");
        assert_eq!(ranges(&[0, 2, 4, 6, 8, 10, 12]), "1, 3, 5, 7, 9, 11 ... (7 points)");
    }
}
