//! Do enough chips keep the accuracy? Chips are taken block by block until the answer is certain.
//!
//! Points that differ in `ou_wordlines` only form a group. Its heights are tested from the lowest up, each at the full
//! confidence, and the first that does not pass ends the group: a fixed sequence, in which the probability that any height
//! passes wrongly stays that of one test (Maurer, Hothorn, Lehmacher 1995, "Multiple comparisons in drug clinical trials
//! and preclinical assays: a-priori ordered hypotheses"; Westfall, Krishen 2001, J. Statist. Plann. Inference 99, 25-40).
//! Groups are answered each on its own.
//!
//! Blocks are those of `run`, in the same folder; the manifest there stays that of the last `run`.

use super::Observer;
use super::blocks::Blocks;
use super::manifest::{Manifest, ManifestPoint};
use super::materials::Materials;
use super::references::References;
use super::run::{Outcome, Request, session};
use crate::engine::is_deterministic;
use crate::error::{Error, Result};
use crate::stats::{Decision, Interval, Verdict, YieldTest, allowed_loss};
use crate::warning::Warning;
use std::collections::BTreeSet;

/// The column whose values are tested in sequence.
const HEIGHT: &str = "ou_wordlines";

/// What is known of a point that was tested.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The verdict, and the chips it took.
    pub decision: Decision,
    /// Yields that the chips leave possible, valid whenever one stops; each end alone at the confidence.
    pub interval: Interval,
    /// True if every chip is the same, so that one chip tells.
    pub deterministic: bool,
    /// Accuracies before any trial.
    pub references: References,
}

/// A point of the sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct PointCheck {
    /// Hashes, parameters, sizes.
    pub point: ManifestPoint,
    /// The question.
    pub test: YieldTest,
    /// `None` if the sequence ended before it.
    pub answer: Option<Answer>,
    /// The largest height of its group that passed.
    pub largest_safe: Option<String>,
}

/// Points that differ in height only, in the order in which they are tested.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// From the lowest height up.
    pub points: Vec<PointCheck>,
}

/// All answers.
pub struct Checked {
    /// In the order of the sweep.
    pub groups: Vec<Group>,
    /// Engines and adapters that made the blocks.
    pub engines: BTreeSet<String>,
    /// Blocks made and found.
    pub outcome: Outcome,
}

impl PointCheck {
    /// The verdict; `None` if the sequence ended before this point.
    pub fn verdict(&self) -> Option<Verdict> {
        self.answer.as_ref().map(|a| a.decision.verdict)
    }
}

impl Group {
    /// PASS if at least the lowest height passed; else what was found of it.
    pub fn verdict(&self) -> Verdict {
        self.points.first().and_then(PointCheck::verdict).unwrap_or(Verdict::Undecided)
    }
}

impl Checked {
    /// FAIL if any group fails, else UNDECIDED if any is, else PASS.
    pub fn verdict(&self) -> Verdict {
        let any = |verdict| self.groups.iter().any(|g| g.verdict() == verdict);
        if any(Verdict::Fail) {
            Verdict::Fail
        } else if any(Verdict::Undecided) {
            Verdict::Undecided
        } else {
            Verdict::Pass
        }
    }

    /// Its points, in the order of groups and heights.
    pub fn points(&self) -> Vec<PointCheck> {
        self.groups.iter().flat_map(|g| g.points.iter().cloned()).collect()
    }
}

/// Puts the question to all points of a sweep; its trials are the most that a point may take.
pub fn check(request: &Request, test: &YieldTest, materials: &mut Materials, observer: &dyn Observer) -> Result<Checked> {
    if let Some(p) = request.sweep.points.iter().find(|p| p.monte_carlo.antithetic) {
        let seed = p.monte_carlo.seed;
        return Err(Error::input(&request.sweep.path, format!("`monte_carlo.antithetic = true` (seed {seed}): a yield needs chips that are drawn each on its own"))
            .hint("leave it out, or: --set monte_carlo.antithetic=false"));
    }
    let manifest = Manifest::new(request.sweep, materials)?;
    let random = || request.sweep.points.iter().filter(|p| !is_deterministic(p));
    let (fewest, fixed) = (test.fewest(), test.fewest_fixed());
    if let Some(most) = random().map(|p| u64::from(p.monte_carlo.trials)).min() {
        observer.say(&format!("a height passes after {fewest} chips at the earliest (a number fixed beforehand would need {fixed}); at most {most} are drawn"));
        if most < fewest {
            observer.warn(&Warning::TooFewChips { most, fewest });
        }
    }
    let groups = groups(&manifest.points);
    let ((groups, engines), outcome) = session(request, &manifest, materials, observer, |blocks| {
        let answered = groups.iter().map(|members| answer_group(request, blocks, members, test)).collect::<Result<Vec<Group>>>()?;
        Ok((answered, std::mem::take(&mut blocks.engines)))
    })?;
    Ok(Checked { groups, engines, outcome })
}

/// Numbers of the points of each group, from the lowest height up.
fn groups(points: &[ManifestPoint]) -> Vec<Vec<usize>> {
    let others = |p: &ManifestPoint| (p.seed, p.network_hash.clone(), p.columns.iter().filter(|c| c.0 != HEIGHT).cloned().collect::<Vec<_>>());
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (i, p) in points.iter().enumerate() {
        match groups.iter_mut().find(|g| others(&points[g[0]]) == others(p)) {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    let height = |i: &usize| points[*i].value(HEIGHT).parse::<u64>().unwrap_or(0);
    groups.iter_mut().for_each(|g| g.sort_by_key(height));
    groups
}

fn answer_group(request: &Request, blocks: &mut Blocks, members: &[usize], test: &YieldTest) -> Result<Group> {
    let mut points = Vec::new();
    let mut largest_safe = None;
    let mut goes_on = true;
    for &index in members {
        let point = blocks.manifest.points[index].clone();
        let answer = if goes_on {
            let quantised = blocks.references(index)?.quantised_correct;
            let question = Question { test: *test, least_correct: quantised.saturating_sub(allowed_loss(point.max_drop, point.images)), mean_chips: 0 };
            Some(answer(request, blocks, index, &question)?.0)
        } else {
            None
        };
        goes_on = answer.as_ref().is_some_and(|a| a.decision.verdict == Verdict::Pass);
        if goes_on {
            largest_safe = Some(point.value(HEIGHT).to_string());
        }
        points.push(PointCheck { point, test: *test, answer, largest_safe: None });
    }
    points.iter_mut().for_each(|p| p.largest_safe = largest_safe.clone());
    Ok(Group { points })
}

/// What is asked of one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// The yield and its confidence.
    pub test: YieldTest,
    /// Images that a passing chip has right at least.
    pub least_correct: u64,
    /// Chips to look at whatever the verdict took, for a mean whose number of chips does not hang on what they showed.
    pub mean_chips: u32,
}

/// Takes blocks until the chips tell, or there are as many as allowed. Chips of the last block after the one that decides
/// do not count. Also returns the images that each of the first `mean_chips` chips has right, of one where every chip is the same.
pub fn answer(request: &Request, blocks: &mut Blocks, index: usize, question: &Question) -> Result<(Answer, Vec<u64>)> {
    let (manifest, observer) = (blocks.manifest, blocks.observer);
    let (of, test) = (&manifest.points[index], &question.test);
    let references = blocks.references(index)?;
    let passes = |correct: u64| correct >= question.least_correct;
    if is_deterministic(&request.sweep.points[index]) {
        let correct = references.nominal_correct;
        let pass = passes(correct);
        let verdict = if pass { Verdict::Pass } else { Verdict::Fail };
        let the_yield = f64::from(u8::from(pass));
        let decision = Decision { verdict, chips: 1, passing: u64::from(pass) };
        return Ok((Answer { decision, interval: Interval { lo: the_yield, hi: the_yield }, deterministic: true, references }, vec![correct]));
    }
    let mut decision = Decision::default();
    let mut first: Vec<u64> = Vec::new();
    let total = of.images * u64::from(of.trials);
    'blocks: for number in 0..of.blocks() {
        for trial in blocks.trials(index, number)?.iter().filter(|t| t.trial < of.trials) {
            if decision.verdict == Verdict::Undecided {
                decision = test.look(decision, passes(trial.correct));
            }
            if first.len() < question.mean_chips as usize {
                first.push(trial.correct);
            }
            if decision.verdict != Verdict::Undecided && first.len() >= question.mean_chips as usize {
                break 'blocks;
            }
        }
        observer.progress((of.images * decision.chips.max(first.len() as u64)).min(total), total);
    }
    // What was left is not needed.
    let looked_at = decision.chips.max(first.len() as u64);
    observer.progress(of.images * looked_at, of.images * looked_at);
    let interval = test.interval(decision.passing, decision.chips);
    Ok((Answer { decision, interval, deterministic: false, references }, first))
}
