//! Accuracy of candidates: in digital integers on the images that choose, on the rest of the test set, and on chips.

use super::candidate::Candidate;
use super::curve::Tried;
use super::{Chosen, Problem, Request, Right};
use crate::config::{PointConfig, PrecisionMapConfig, Sweep};
use crate::dataset::{self, Dataset, Pixels};
use crate::embedded;
use crate::engine::cpu::digital;
use crate::engine::{IntegerImages, stopped};
use crate::error::{Error, Result};
use crate::network::{float, write};
use crate::quantize::lower::lower;
use crate::stats::{Interval, Verdict, YieldTest, allowed_loss};
use crate::sweep::check::check;
use crate::sweep::materials::{EMBEDDED, Material, Materials};
use crate::sweep::shard::Shard;
use crate::sweep::{Observer, atomic, run};
use crate::warning::Warning;
use std::path::{Path, PathBuf};

/// What chips said of a candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Yield {
    /// Chips drawn.
    pub chips: u64,
    /// Chips that keep the budget.
    pub passing: u64,
    /// Yields that they leave possible.
    pub interval: Interval,
    /// Whether the wanted yield is shown.
    pub verdict: Verdict,
}

/// Judges candidates.
pub struct Judge<'a> {
    request: &'a Request<'a>,
    material: &'a Material,
    observer: &'a dyn Observer,
    /// Test images that choose nothing.
    unseen: Dataset,
    calibration: Pixels,
    float_first: Right,
}

impl<'a> Judge<'a> {
    /// Reads the whole test set and the calibration images.
    ///
    /// # Errors
    /// What cannot be read; interruption.
    pub fn new(request: &'a Request, material: &'a Material, observer: &'a dyn Observer) -> Result<Self> {
        let n = &request.search.point().network;
        let calibration = request.search.settings.calibration_images;
        let whole = if n.dataset == EMBEDDED { embedded::whole(calibration)? } else { dataset::load_whole(Path::new(&n.dataset), calibration)? };
        whole.check_fits(material.network.input_shape, material.network.classes())?;
        if whole.calibration_source.contains("test images") {
            observer.warn(&Warning::CalibratedOnTestImages);
        }
        let mut judge = Judge { request, material, observer, unseen: whole.after(n.images), calibration: whole.calibration, float_first: Right::default() };
        judge.float_first = judge.float_on(&material.dataset)?;
        Ok(judge)
    }

    /// Calibration images, as many as there are and were asked for.
    pub fn calibration(&self) -> &Pixels {
        &self.calibration
    }

    /// Their number.
    pub fn calibration_len(&self) -> usize {
        self.calibration.len() / self.material.network.input_len().max(1)
    }

    /// The float network on the images that choose, and on the rest.
    ///
    /// # Errors
    /// Interruption.
    pub fn float(&self) -> Result<[Right; 2]> {
        Ok([self.float_first, self.float_on(&self.unseen)?])
    }

    /// The float network on the images that choose.
    pub fn float_first(&self) -> Right {
        self.float_first
    }

    fn float_on(&self, dataset: &Dataset) -> Result<Right> {
        let correct = float::accuracy_until(&self.material.network, dataset, &|| self.observer.interrupted()).ok_or_else(stopped)?;
        Ok(Right { correct: correct as u64, images: dataset.len() as u64 })
    }

    /// Images that may be lost of those that choose, at so many times the budget.
    pub fn allowed_loss(&self, times: f64) -> u64 {
        allowed_loss(times * self.point().monte_carlo.max_drop, self.float_first.images)
    }

    fn point(&self) -> &PointConfig {
        self.request.search.point()
    }

    /// A candidate with its accuracy on the images that choose; says so.
    ///
    /// # Errors
    /// Scales that do not fit; interruption.
    pub fn tried(&self, problem: &Problem, candidate: Candidate) -> Result<Tried> {
        let first = self.right(&candidate, self.point().quantization.activation_bits, &self.material.dataset)?;
        let tried = Tried::new(problem, candidate, first, self.float_first)?;
        let percent = |right: Right| 100.0 * right.frac().unwrap_or_default();
        self.observer.say(&format!(
            "{:<20} {:>9.3e}  {:.3} bits, {:>6.2}x, {:.2} % ({:+.2})",
            tried.method.word(), tried.setting, tried.counts.mean_bits(), tried.counts.compression(), percent(first), percent(first) - percent(self.float_first)
        ));
        Ok(tried)
    }

    /// The integer network on the images of `dataset`, ranges from the calibration images of every run.
    fn right(&self, candidate: &Candidate, activation_bits: u32, dataset: &Dataset) -> Result<Right> {
        let block = self.request.search.settings.block;
        let q = &self.point().quantization;
        let config = crate::config::QuantizationConfig { activation_bits, ..q.clone() };
        let network = lower(&candidate.network, &self.material.dataset, &config, Some(candidate.map(block)))?;
        let images = IntegerImages::new(&network, dataset);
        let logits = digital::logits_until(&network, &images, &|| self.observer.interrupted()).ok_or_else(stopped)?;
        Ok(Right { correct: digital::correct(&logits, &images.labels), images: images.len() as u64 })
    }

    /// The cheapest candidate that keeps the budget (and whose chips do, where they are asked), with as few activation bits as keep it
    /// where `fewest` says so.
    ///
    /// # Errors
    /// What cannot be written; interruption.
    pub fn choose(&self, problem: &Problem, tried: &mut [Tried], fewest: bool, materials: &mut Materials) -> Result<Option<Chosen>> {
        let mut order: Vec<usize> = (0..tried.len()).filter(|&i| tried[i].candidate.is_some() && tried[i].keeps(self.allowed_loss(1.0))).collect();
        order.sort_by_key(|&i| (tried[i].total, tried[i].lost));
        order.dedup_by_key(|i| tried[*i].candidate.as_ref().map(|c| c.map(problem.block).layers));
        let bits = self.point().quantization.activation_bits;
        for i in order {
            let Some(candidate) = tried[i].candidate.clone() else { continue };
            let chips = self.ask_chips(&candidate, bits, tried[i].first, materials)?;
            tried[i].chips = chips;
            if chips.is_some_and(|y| y.verdict != Verdict::Pass) {
                continue;
            }
            let unseen = self.right(&candidate, bits, &self.unseen)?;
            tried[i].unseen = Some(unseen);
            let mut chosen = Chosen { candidate, activation_bits: bits, first: tried[i].first, unseen, chips };
            while fewest && chosen.activation_bits > 1 {
                match self.with_fewer_bits(&chosen, materials)? {
                    Some(next) => chosen = next,
                    None => break,
                }
            }
            return Ok(Some(chosen));
        }
        Ok(None)
    }

    /// The same network with one activation bit less, if it keeps the budget.
    fn with_fewer_bits(&self, chosen: &Chosen, materials: &mut Materials) -> Result<Option<Chosen>> {
        let bits = chosen.activation_bits - 1;
        let first = self.right(&chosen.candidate, bits, &self.material.dataset)?;
        let lost = self.float_first.correct.saturating_sub(first.correct);
        self.observer.say(&format!("{bits} activation bits: {:.2} %", 100.0 * first.frac().unwrap_or_default()));
        if lost > self.allowed_loss(1.0) {
            return Ok(None);
        }
        let chips = self.ask_chips(&chosen.candidate, bits, first, materials)?;
        if chips.is_some_and(|y| y.verdict != Verdict::Pass) {
            return Ok(None);
        }
        let unseen = self.right(&chosen.candidate, bits, &self.unseen)?;
        Ok(Some(Chosen { candidate: chosen.candidate.clone(), activation_bits: bits, first, unseen, chips }))
    }

    /// Draws chips until it is certain whether the wanted share of them keeps the budget; `None` where no yield is asked for. A chip
    /// keeps it if it loses at most as many images against the float network as the budget allows.
    fn ask_chips(&self, candidate: &Candidate, activation_bits: u32, first: Right, materials: &mut Materials) -> Result<Option<Yield>> {
        let settings = &self.request.search.settings;
        let Some(yield_frac) = settings.yield_frac else { return Ok(None) };
        let test = YieldTest { yield_frac, confidence: settings.confidence };
        let folder = self.request.out.join("candidates").join(format!("{:e}", candidate.setting));
        let files = export(&folder, candidate, settings.block)?;
        let mut point = sweep_point(self.point(), candidate, activation_bits, &files);
        // `check` counts from the quantised network; the budget counts from the float one.
        let left = self.allowed_loss(1.0) as i64 + first.correct as i64 - self.float_first.correct as i64;
        point.monte_carlo.max_drop = left.max(0) as f64 / first.images.max(1) as f64;
        let most = settings.most_chips.unwrap_or_else(|| test.usual_most());
        point.monte_carlo.trials = u32::try_from(most).map_err(|_| Error::usage(format!("search.yield = {yield_frac} needs {most} chips")).hint("ask for a lower yield"))?;
        let sweep = Sweep { path: self.request.search.sweep.path.clone(), points: vec![point], preset: None };
        let chips = self.request.out.join("chips");
        let request = run::Request { sweep: &sweep, out: &chips, engine: self.request.engine, kernel: None, shard: Shard::ALL, half_width_frac: None, command: self.request.command };
        let checked = check(&request, &test, materials, self.observer)?;
        let answer = checked.groups.first().and_then(|g| g.points.first()?.answer.clone()).ok_or_else(|| Error::internal("a check without an answer"))?;
        let d = answer.decision;
        self.observer.say(&format!("{:.3e}: {} of {} chips keep the budget: {}", candidate.setting, d.passing, d.chips, d.verdict.word()));
        Ok(Some(Yield { chips: d.chips, passing: d.passing, interval: answer.interval, verdict: d.verdict }))
    }
}

/// Files of a candidate.
#[derive(Debug, Clone)]
pub struct Files {
    /// Graph; the weights lie beside it.
    pub network: PathBuf,
    /// Weights.
    pub weights: PathBuf,
    /// Precision map.
    pub map: PathBuf,
}

/// Writes a candidate's network and precision map.
///
/// # Errors
/// What cannot be written.
pub fn export(folder: &Path, candidate: &Candidate, block: [usize; 2]) -> Result<Files> {
    let files = Files { network: folder.join("network.json"), weights: folder.join("network.safetensors"), map: folder.join("precision_map.json") };
    let written = write::files(&candidate.network)?;
    atomic::write(&files.weights, &written.weights)?;
    atomic::write(&files.network, written.graph.as_bytes())?;
    let map = serde_json::to_string(&candidate.map(block)).map_err(|e| Error::internal(e.to_string()))?;
    atomic::write(&files.map, format!("{map}\n").as_bytes())?;
    Ok(files)
}

/// The point of a sweep that runs an exported candidate.
pub fn sweep_point(point: &PointConfig, candidate: &Candidate, activation_bits: u32, files: &Files) -> PointConfig {
    let mut point = point.clone();
    point.network.model = files.network.display().to_string();
    point.quantization.precision_map = PrecisionMapConfig::File(files.map.display().to_string());
    // The sign is a bit of a weight; fewer than 2 are none.
    point.quantization.weight_bits = (candidate.most_bits() + 1).max(2);
    point.quantization.activation_bits = activation_bits;
    point
}
