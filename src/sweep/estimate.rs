//! What a sweep will cost, before it is run: measured on a few images of one chip per kind of point.

use super::Observer;
use super::block::Block;
use super::manifest::Manifest;
use super::materials::Materials;
use super::references::plan_of;
use super::shard::Shard;
use crate::config::{PointConfig, Sweep};
use crate::engine::{Engine, IntegerImages};
use crate::error::Result;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

/// Images that are timed.
const TIMED_IMAGES: usize = 8;
/// Size of a block's file besides its trials and layers, about.
const BLOCK_BYTES: u64 = 500;

/// A report for the user: points, blocks, time, memory, disk.
pub fn estimate(sweep: &Sweep, out: &Path, engine: &Engine, shard: Shard, observer: &dyn Observer) -> Result<String> {
    let mut materials = Materials::default();
    let manifest = Manifest::new(sweep, &mut materials)?;
    let mut timed: HashMap<String, f64> = HashMap::new();
    let (mut seconds, mut disk, mut blocks, mut missing, mut memory) = (0.0, 0, 0, 0, 0u64);
    let mut text = String::new();
    let number_of_blocks: u64 = manifest.points.iter().map(|p| u64::from(p.blocks())).sum();
    let mut k = 0;
    for (point, of) in sweep.points.iter().zip(&manifest.points) {
        let per_image = match timed.get(&kind(point, &of.network_hash)) {
            Some(&t) => t,
            None => {
                observer.say(&format!("timing {} wordlines ...", point.crossbar.ou_wordlines));
                let (t, bytes) = time(point, &mut materials, engine)?;
                memory = memory.max(bytes);
                timed.insert(kind(point, &of.network_hash), t);
                // The ideal crossbar and the one without random errors come first.
                seconds += 2.0 * t * of.images as f64;
                t
            }
        };
        let deterministic = crate::device::is_deterministic(&point.device.programming_error);
        let mut of_point = 0;
        for number in 0..of.blocks() {
            if shard.takes(k) {
                blocks += 1;
                disk += BLOCK_BYTES + u64::from(of.block_trials) * 100 + if number == 0 { of.layers.len() as u64 * 400 } else { 0 };
                of_point += u64::from(!Block::path(out, &of.hash, number).exists());
            }
            k += 1;
        }
        missing += of_point;
        if !deterministic {
            seconds += per_image * (of_point * u64::from(of.block_trials) * of.images) as f64;
        }
    }
    let _ = writeln!(text, "points   {}", manifest.points.len());
    let _ = writeln!(text, "blocks   {blocks} of {number_of_blocks}, {missing} to be made");
    let _ = writeln!(text, "time     about {} on {}, references included", duration(seconds), engine.describe());
    let _ = writeln!(text, "memory   about {:.1} GiB", memory as f64 / (1u64 << 30) as f64 + 0.05);
    let _ = writeln!(text, "disk     about {:.1} MB in {}", disk as f64 / 1e6, out.display());
    Ok(text)
}

/// Points whose trials take the same time.
fn kind(point: &PointConfig, network: &str) -> String {
    let deterministic = crate::device::is_deterministic(&point.device.programming_error);
    format!("{network} {:?} {:?} {} {deterministic}", point.crossbar, point.adc, point.device.on_off_ratio.is_some())
}

/// Seconds per image and chip, and bytes of a programmed chip with its network.
fn time(point: &PointConfig, materials: &mut Materials, engine: &Engine) -> Result<(f64, u64)> {
    let material = materials.of(point)?;
    let network = materials.quantized(point)?;
    let plan = plan_of(point, &network, &material)?;
    let images = IntegerImages::new(&network, &material.dataset);
    let few = images.first(images.len().min(TIMED_IMAGES));
    engine.run(&plan, &few.first(1), 0..1, false)?; // the first run compiles shaders and warms caches
    let started = Instant::now();
    engine.run(&plan, &few, 0..1, false)?;
    let per_image = started.elapsed().as_secs_f64() / few.len() as f64;
    let chip: u64 = plan.layers.iter().flatten().map(|p| (p.crossbar.rows * (p.crossbar.converted_columns() + p.crossbar.columns) * 4) as u64).sum();
    let data = material.dataset.images.len() as u64 * 3 + images.values.len() as u64 * 2;
    Ok((per_image, chip * 2 + data))
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
