//! The blocks of a sweep's points, each found in the results folder or made now.

use super::block::{Block, Trial};
use super::manifest::{Manifest, ManifestPoint};
use super::materials::Materials;
use super::references::{Ready, Referees, References};
use super::run::Request;
use super::Observer;
use crate::engine::{Engine, TrialCounts, cpu, stopped};
use crate::error::{Error, Result};
use crate::warning::Warning;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::thread::JoinHandle;

/// Chips whose layers are tallied, and images of each.
pub const LAYER_TRIALS: u32 = 2;
/// See [`LAYER_TRIALS`].
pub const LAYER_IMAGES: usize = 4;

/// Of a point's blocks, how many pass until one is held to the CPU engine again; the first that is made always is.
const VERIFIED_EVERY: u32 = 16;

/// Finds and makes blocks, one after another.
pub struct Blocks<'a> {
    request: &'a Request<'a>,
    /// The points.
    pub manifest: &'a Manifest,
    materials: &'a mut Materials,
    /// Who hears of it.
    pub observer: &'a dyn Observer,
    referees: Referees<'a>,
    ready: Option<(usize, Ready)>,
    writer: Writer,
    /// Blocks made and written.
    pub made: u64,
    /// Blocks that were there.
    pub found: u64,
    /// Engines and adapters that made them.
    pub engines: BTreeSet<String>,
    /// Points of which a block was held to the CPU engine.
    verified: BTreeSet<usize>,
    /// Points that were warned of, each once whatever the number of its blocks.
    warned: BTreeSet<usize>,
}

impl<'a> Blocks<'a> {
    /// Nothing is found or made yet.
    pub fn new(request: &'a Request<'a>, manifest: &'a Manifest, materials: &'a mut Materials, observer: &'a dyn Observer) -> Self {
        let referees = Referees::new(request, observer);
        Blocks { request, manifest, materials, observer, referees, ready: None, writer: Writer::default(), made: 0, found: 0, engines: BTreeSet::new(), verified: BTreeSet::new(), warned: BTreeSet::new() }
    }

    /// The trials of a block of a point. Its references are there then, too.
    pub fn trials(&mut self, index: usize, number: u32) -> Result<Vec<Trial>> {
        if self.observer.interrupted() {
            return Err(stopped());
        }
        let of = &self.manifest.points[index];
        if let Some(block) = Block::read(self.request.out, of, number)? {
            let host_hash = self.references(index)?.host_hash;
            if block.host_hash != host_hash {
                return Err(other_scales(self.request.out, of));
            }
            self.found += 1;
            self.engines.insert(block.engine);
            return Ok(block.trials);
        }
        let ready = ready(&mut self.ready, &mut self.referees, self.request, self.materials, self.observer, (index, of))?;
        // Blocks of a point are computed alike, but for the last, so some tell of all.
        let is_verified = self.verified.insert(index) || number % VERIFIED_EVERY == 0;
        let trials = run_block(self.request.engine, ready, of.trials_of(number), is_verified, self.observer)?;
        let saturated: u64 = trials.iter().map(|t| t.saturated_cells).sum();
        if saturated > 0 && self.warned.insert(index) {
            self.observer.warn(&Warning::SaturatedCells { point: of.short().into(), cells: saturated });
        }
        let block = Block::new(of.hash.clone(), ready.references.host_hash.clone(), number, self.request.engine.describe(), trials.clone());
        self.engines.insert(block.engine.clone());
        self.made += self.writer.write(block, self.request.out)?;
        Ok(trials)
    }

    /// The accuracies of a point before any trial.
    pub fn references(&mut self, index: usize) -> Result<References> {
        let of = &self.manifest.points[index];
        if let Some(references) = References::read(self.request.out, of)? {
            return Ok(references);
        }
        Ok(ready(&mut self.ready, &mut self.referees, self.request, self.materials, self.observer, (index, of))?.references.clone())
    }

    /// Waits until the last block is written.
    pub fn finish(&mut self) -> Result<()> {
        self.made += self.writer.finish()?;
        Ok(())
    }
}

/// The point made ready, unless the last one was it.
fn ready<'r>(
    last: &'r mut Option<(usize, Ready)>,
    referees: &mut Referees,
    request: &Request,
    materials: &mut Materials,
    observer: &dyn Observer,
    (index, of): (usize, &ManifestPoint),
) -> Result<&'r Ready> {
    let kept = last.take().filter(|(i, _)| *i == index);
    let made = match kept {
        Some(kept) => kept,
        None => {
            let made = referees.ready(&request.sweep.points[index], of, materials)?;
            observer.say(&reference_line(of, &made.references));
            let network = &materials.of(&request.sweep.points[index])?.network;
            doubts(&network.name, network.classes(), of.images, &made.references).iter().for_each(|warning| observer.warn(warning));
            (index, made)
        }
    };
    Ok(&last.insert(made).1)
}

/// Fewer images do not tell a guess.
const FEWEST_TO_TELL: u64 = 30;

/// Loss by quantisation, as a share of the images, that is not meant.
const MUCH_LOST_FRAC: f64 = 0.2;

/// Accuracies before any chip that tell of a mistake: what follows is then no answer to anything.
fn doubts(network: &str, classes: usize, images: u64, references: &References) -> Vec<Warning> {
    let frac = |correct: u64| correct as f64 / images as f64;
    let (float_frac, quantised_frac) = (frac(references.float_correct), frac(references.quantised_correct));
    let network = network.to_string();
    // Two standard deviations above what guessing gives.
    let guessed = 1.0 / classes as f64;
    if images >= FEWEST_TO_TELL && float_frac <= guessed + 2.0 * (guessed * (1.0 - guessed) / images as f64).sqrt() {
        vec![Warning::FloatGuesses { network, float_frac, classes }]
    } else if quantised_frac < float_frac - MUCH_LOST_FRAC {
        vec![Warning::LostByQuantisation { network, float_frac, quantised_frac }]
    } else {
        Vec::new()
    }
}

/// A block and the references of its point were made from other floats.
pub fn other_scales(out: &Path, of: &ManifestPoint) -> Error {
    Error::input(out.display(), format!("the blocks of point {} were made with different scales, thresholds or quantiles", of.short()))
        .hint("machines that compute different ones cannot share a results folder: run the point again on one of them")
}

/// Writes a block while the next one is computed: flushing a file to the disk takes no core.
#[derive(Default)]
struct Writer {
    at_work: Option<JoinHandle<Result<()>>>,
}

impl Writer {
    /// Begins to write a block once the former is written; returns how many blocks that was.
    fn write(&mut self, block: Block, out: &Path) -> Result<u64> {
        let written = self.finish()?;
        let out = out.to_path_buf();
        self.at_work = Some(std::thread::spawn(move || block.write(&out)));
        Ok(written)
    }

    /// Waits for the block that is being written; returns how many blocks that was.
    fn finish(&mut self) -> Result<u64> {
        let Some(writing) = self.at_work.take() else { return Ok(0) };
        writing.join().map_err(|_| Error::internal("the writer of a block panicked"))??;
        Ok(1)
    }
}

/// The trials of one block. The layers of the first chips are looked at beside the engine's work, or after it.
fn run_block(engine: &Engine, ready: &Ready, trials: Range<u32>, is_verified: bool, observer: &dyn Observer) -> Result<Vec<Trial>> {
    let Ready { plan, images, references } = ready;
    let few = images.first(LAYER_IMAGES);
    let stop = || observer.interrupted();
    let run = || {
        if plan.deterministic {
            // Every chip is the nominal one, which has run already.
            let nominal = TrialCounts { correct: references.nominal_correct, clipped: references.nominal_clipped, saturated_cells: references.nominal_saturated_cells, ..Default::default() };
            return Ok(vec![nominal; trials.len()]);
        }
        if is_verified { engine.run_verified(plan, images, trials.clone(), &stop) } else { engine.run_until(plan, images, trials.clone(), false, &stop) }
    };
    let looked_at = trials.start..trials.end.min(LAYER_TRIALS).max(trials.start);
    let look = || cpu::tally_layers(plan, &few, looked_at, &stop);
    // What is large is not there together.
    let (counts, tallies) = if cpu::Prepared::new(plan, images.len()).has_two() { rayon::join(run, look) } else { (run(), look()) };
    let (counts, mut tallies) = (counts?, tallies.ok_or_else(stopped)?.into_iter());
    let trial = |(trial, c): (u32, TrialCounts)| Trial {
        trial,
        correct: c.correct,
        clipped: c.clipped,
        saturated_cells: c.saturated_cells,
        layers: tallies.next().unwrap_or_default(),
    };
    Ok(trials.clone().zip(counts).map(trial).collect())
}

fn reference_line(of: &ManifestPoint, r: &References) -> String {
    let frac = |correct: u64| format!("{:.4}", correct as f64 / of.images as f64);
    let value = |name: &str| of.value(name);
    let sigma = [value("sigma_ln"), value("sigma_rel")].concat();
    format!(
        "{} wordlines, {}{}{}: accuracy float {}, quantised {}, ideal crossbar {} (equal), without random errors {}; rounding of conductances {:.1e} ADC steps rms, programming error {:.2}",
        value("ou_wordlines"),
        value("programming_error_law"),
        if sigma.is_empty() { "" } else { " " },
        sigma,
        frac(r.float_correct),
        frac(r.quantised_correct),
        frac(r.ideal_correct),
        frac(r.nominal_correct),
        r.rounding_rms_steps,
        r.programming_error_rms_steps,
    )
}
