//! The command line: every subcommand and flag with its help. Only this folder and `main` know the terminal. Long because it
//! is the list of them all.
//!
//! To add a subcommand: its arguments here, a file with a function that returns an exit code, a line in `main`, examples in
//! `examples`.

pub mod bench;
pub mod check;
pub mod cost;
mod cost_comparison;
pub mod doctor;
pub mod engine;
pub mod examples;
pub mod explain;
pub mod import;
pub mod manual;
pub mod merge;
pub mod mvm;
pub mod new;
pub mod pareto;
pub mod presets;
pub mod report;
pub mod run;
pub mod search;
pub mod slurm;
pub mod status;
pub mod terminal;
pub mod train;

use bwq::config::Overrides;
use bwq::import::pixels::Fraction as Number;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  bwq demo                                      the main job, on the network inside the program
  bwq new my-sweep && bwq run my-sweep/sweep.toml --dry-run
  bwq import model.onnx -o my-net --scale 1/255 --mean 0.5 --std 0.5    (then network.model is my-net)
  bwq run sweep.toml --out results --set device.programming_error.sigma_ln=0.1
  bwq explain sweep.toml --trials 10            where does the accuracy go?
  bwq search                                    block precisions of the network inside the program
  bwq cost --network resnet18-cifar10           what it takes on BWQ-H
  bwq pareto                                    accuracy against energy; the cheapest that keeps it
  bwq check sweep.toml --max-drop 0.01 --yield 0.99 --confidence 0.95
  bwq run sweep.toml --out results --shard 0/4  a quarter of the work; then `bwq merge results`
  bwq report results                            one HTML page of it: figures, tables, configuration, provenance

Exit codes: 0 done, 1 a bug, 2 usage or bad input, 3 incomplete or undecided, 4 a stated limit is
violated, 69 no usable GPU, 75 interrupted (the same command goes on).";

/// How many wordlines may be on at once, at what block precision, and what does that buy?
#[derive(Parser)]
#[command(version, about, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// Print errors only.
    #[arg(long, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands.
#[derive(Subcommand)]
pub enum Command {
    /// Run the main job on the embedded network: no files needed, under a minute on two cores.
    Demo(DemoArgs),
    /// Write a commented sweep.toml to start from.
    New(NewArgs),
    /// List published designs whose values a sweep can start from, or print one with its sources.
    Presets(PresetsArgs),
    /// Turn a network into our form: an ONNX file, or safetensors with a list of layers.
    Import(ImportArgs),
    /// Run a sweep; the same command again resumes.
    Run(RunArgs),
    /// Say how far a results folder is.
    Status(StatusArgs),
    /// Merge the blocks of a results folder into tables and figures.
    Merge(MergeArgs),
    /// Tell the causes of a loss apart: each added in turn to an ideal crossbar, and each taken away alone.
    Explain(ExplainArgs),
    /// Say whether an OU limit keeps the accuracy: chips are drawn until that is certain.
    Check(CheckArgs),
    /// One crossbar product of given arrays.
    Mvm(MvmArgs),
    /// Search the precision of every weight block of a trained network, without training.
    Search(SearchArgs),
    /// Find the precision of every weight block by training (BWQ-A); needs `bwq-train` beside this program.
    Train(TrainArgs),
    /// Count and price a network on hardware: crossbars, OU activations, cycles, energy, time and area of BWQ-H and its rivals.
    Cost(CostArgs),
    /// Accuracy under variation against energy, time and area: the front, and the cheapest point that keeps the accuracy.
    Pareto(ParetoArgs),
    /// Draw the figures of a results folder.
    Plot(PlotArgs),
    /// Print a script that runs a sweep as a Slurm array, with a merge that waits for it.
    Slurm(SlurmArgs),
    /// Make one self-contained HTML page of a results folder: answer, figures, tables, configuration, provenance.
    Report(ReportArgs),
    /// Measure the kernels of each engine beside the machine's limits.
    Bench(BenchArgs),
    /// Report adapters, drivers and limits, compare one block on both engines, and say what to ask an administrator for.
    Doctor(DoctorArgs),
    /// Print what a shell needs to complete subcommands and flags.
    Completions(CompletionsArgs),
    /// Print the manual page, or write all of them.
    Man(ManArgs),
}

/// Which engine, and where.
#[derive(Args, Clone)]
pub struct EngineArgs {
    /// Engine: a GPU if there is a real one, always the GPU (69 if there is none), or the CPU. Results are the same.
    #[arg(long, value_name = "auto|gpu|cpu", default_value = "auto")]
    pub engine: engine::EngineChoice,
    /// Vulkan adapter: its number, a part of its name, or its PCI bus id (see `bwq doctor`).
    #[arg(long, value_name = "SEL")]
    pub adapter: Option<String>,
    /// Most images at a time on a GPU [default: as many as fit]; results do not depend on it.
    #[arg(long, value_name = "N")]
    pub batch_images: Option<usize>,
    /// Most chips at a time on a GPU [default: as many as fit]; results do not depend on it.
    #[arg(long, value_name = "N")]
    pub batch_trials: Option<usize>,
    /// How products are computed: the cheapest way of each layer, or one way. Results are the same; a layer that it
    /// cannot compute takes the cheapest that can.
    #[arg(long, value_name = "auto|direct|table|split", default_value = "auto")]
    pub kernel: engine::KernelChoice,
    /// CPU threads [default: all cores].
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// `bwq demo`
#[derive(Args)]
pub struct DemoArgs {
    /// Results folder.
    #[arg(long, value_name = "DIR", default_value = "bwq-demo")]
    pub out: PathBuf,
    /// Engine.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// `bwq new`
#[derive(Args)]
pub struct NewArgs {
    /// Folder to make; an existing sweep.toml in it is never overwritten.
    pub dir: PathBuf,
    /// Start from a published design: its values stand in the file, each with its source (see `bwq presets`).
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
}

/// `bwq presets`
#[derive(Args)]
pub struct PresetsArgs {
    /// Print this one.
    pub name: Option<String>,
}

/// `bwq import`
#[derive(Args)]
#[command(after_help = "\
Raw pixels, 0 to 255, become x = (pixel * SCALE - MEAN) / STD per channel: what torchvision calls ToTensor and
Normalize(MEAN, STD) is --scale 1/255 --mean MEAN --std STD. Images that are floats already are taken as they are.")]
pub struct ImportArgs {
    /// MODEL.onnx, or MODEL.safetensors with --graph.
    pub model: PathBuf,
    /// Folder for network.json and network.safetensors.
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
    /// Write them in place of another network that the folder holds.
    #[arg(long)]
    pub force: bool,
    /// Name of the network [default: the file's].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The layers of a .safetensors file: a netgraph-1 graph in which inputs and tensors may be left out.
    #[arg(long, value_name = "LAYERS.json")]
    pub graph: Option<PathBuf>,
    /// Factor of raw pixels: a number or a fraction.
    #[arg(long, value_name = "S")]
    pub scale: Option<Number>,
    /// Mean of scaled pixels, one for all channels or one for each.
    #[arg(long, value_name = "M,...", value_delimiter = ',', allow_hyphen_values = true)]
    pub mean: Vec<Number>,
    /// Standard deviation of scaled pixels, one for all channels or one for each.
    #[arg(long, value_name = "S,...", value_delimiter = ',')]
    pub std: Vec<Number>,
    /// Say that pixels are taken as they are, 0 to 255.
    #[arg(long, conflicts_with_all = ["scale", "mean", "std"])]
    pub raw_pixels: bool,
    /// Say what share of these test images the float network gets right: a data set as in a sweep file.
    #[arg(long, value_name = "DATASET")]
    pub check: Option<PathBuf>,
    /// Shape of an image where the file leaves it open or takes rows: channels, height, width.
    #[arg(long, value_name = "C,H,W", value_delimiter = ',')]
    pub input_shape: Vec<usize>,
}

/// A sweep file, what is set in place of its values, and where it runs.
#[derive(Args)]
pub struct SweepArgs {
    /// The sweep file.
    pub sweep: PathBuf,
    /// Results folder [default: the sweep file's name with `-results`].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Engine.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Seed, in place of the file's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Chips per point, in place of the file's.
    #[arg(long, value_name = "N")]
    pub trials: Option<u64>,
    /// Test images, in place of the file's.
    #[arg(long, value_name = "N")]
    pub images: Option<u64>,
    /// Any key in place of the file's value: --set crossbar.ou_wordlines=[9,16].
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl SweepArgs {
    /// What the command line sets over the file.
    pub fn overrides(&self) -> Overrides {
        Overrides { set: self.set.clone(), images: self.images, trials: self.trials, seed: self.seed, ..Overrides::default() }
    }

    /// The results folder.
    pub fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| {
            let stem = self.sweep.file_stem().map_or_else(|| "sweep".into(), |s| s.to_string_lossy().into_owned());
            self.sweep.with_file_name(format!("{stem}-results"))
        })
    }
}

/// `bwq run`
#[derive(Args)]
pub struct RunArgs {
    /// The sweep.
    #[command(flatten)]
    pub of: SweepArgs,
    /// Run share I of N (I from 0); `bwq merge` puts the shares together.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// Draw chips until the 95 % interval of each point's mean accuracy is at most +- this (0.002 is 0.2 %), in whole
    /// blocks and at least 64; the trials are then the most.
    #[arg(long, value_name = "H")]
    pub half_width: Option<f64>,
    /// Say what would be done: points, blocks, time (measured on a few images), memory, disk, kernels.
    #[arg(long)]
    pub dry_run: bool,
}

/// `bwq explain`: every point gets a budget of its own.
#[derive(Args)]
#[command(mut_arg("trials", |arg| arg.help("Chips of each run, in place of the file's")))]
pub struct ExplainArgs {
    /// The sweep.
    #[command(flatten)]
    pub of: SweepArgs,
    /// Leave out the layers one by one, which is most of the work.
    #[arg(long)]
    pub no_layers: bool,
}

/// `bwq check`
#[derive(Args)]
#[command(after_help = "\
Heights in a list (crossbar.ou_wordlines) are tested from the lowest up, until one does not pass.
Exit codes: 0 the yield is shown (at the lowest height of every group), 4 it is shown to be less,
3 the chips allowed do not tell.")]
#[command(mut_arg("trials", |arg| arg.help("Most chips per point, in place of the file's [default: 20 times the fewest that can pass]")))]
#[command(mut_arg("out", |arg| arg.help("Results folder, with `run`'s blocks [default: the sweep file's name with `-results`]")))]
pub struct CheckArgs {
    /// The sweep.
    #[command(flatten)]
    pub of: SweepArgs,
    /// A chip keeps the accuracy if it loses at most this against the quantised network, in place of the file's.
    #[arg(long, value_name = "D")]
    pub max_drop: Option<f64>,
    /// The share of chips that should.
    #[arg(long = "yield", value_name = "Y", default_value_t = 0.99)]
    pub yield_frac: f64,
    /// 1 - the greatest probability of a wrong verdict.
    #[arg(long, value_name = "C", default_value_t = 0.95)]
    pub confidence: f64,
    /// Machine-readable output.
    #[arg(long)]
    pub json: bool,
}

/// `bwq search`
#[derive(Args)]
#[command(after_help = "\
Exit codes: 0 a network keeps the budget, 4 none does.")]
pub struct SearchArgs {
    /// Sections of a sweep file, single values, and [search] [default: the network inside the program].
    pub search: Option<PathBuf>,
    /// Results folder [default: the file's name with `-results`; without a file: bwq-search].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Engine, for chips.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Seed of the chips, in place of the file's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Test images that choose, in place of the file's; the rest of the set has no say.
    #[arg(long, value_name = "N")]
    pub images: Option<u64>,
    /// The budget: allowed drop of accuracy against the float network, in place of monte_carlo.max_drop.
    #[arg(long, value_name = "D")]
    pub max_drop: Option<f64>,
    /// Any key in place of the file's value: --set search.objective=ou-operations.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// `bwq status`
#[derive(Args)]
#[command(after_help = "Exit codes: 0 complete, 3 not.")]
pub struct StatusArgs {
    /// Results folder.
    pub dir: PathBuf,
    /// Print only which of --shards shards have blocks to make, as `sbatch --array=` takes them (3,7-9); nothing if none.
    #[arg(long, requires = "shards")]
    pub missing: bool,
    /// Shards the sweep was cut into.
    #[arg(long, value_name = "N", requires = "missing")]
    pub shards: Option<u64>,
    /// Machine-readable output.
    #[arg(long)]
    pub json: bool,
}

/// `bwq merge`
#[derive(Args)]
pub struct MergeArgs {
    /// Results folder.
    pub dir: PathBuf,
    /// Merge the blocks that are there, though others are missing.
    #[arg(long)]
    pub partial: bool,
}

/// `bwq plot`
#[derive(Args)]
pub struct PlotArgs {
    /// Results folder with a summary.csv.
    pub dir: PathBuf,
}

/// `bwq report`
#[derive(Args)]
#[command(after_help = "\
The page needs no network: send it, print it, keep it beside the tables. The same folder gives the same bytes.
Exit codes: 0 done, 3 the page is written, but its sweep lacks blocks.")]
pub struct ReportArgs {
    /// Results folder of `bwq run`, `check`, `explain`, `search`, `cost` or `pareto`.
    pub dir: PathBuf,
    /// The page [default: report.html in the folder].
    #[arg(long, short, value_name = "FILE.html")]
    pub out: Option<PathBuf>,
}

/// `bwq mvm`
#[derive(Args)]
pub struct MvmArgs {
    /// Integer weights, n x k (.npy).
    #[arg(long, value_name = "W.npy")]
    pub weights: PathBuf,
    /// Unsigned integer inputs, k x b (.npy).
    #[arg(long, value_name = "X.npy")]
    pub inputs: PathBuf,
    /// Sections [quantization] [crossbar] [adc] [device] [monte_carlo] of a sweep file, single values.
    #[arg(long, value_name = "MVM.toml")]
    pub config: PathBuf,
    /// Conductances in g_on, trials x plane x slice x k x n (.npy), in place of drawn ones.
    #[arg(long, value_name = "G.npy")]
    pub conductances: Option<PathBuf>,
    /// Chips, in place of the file's.
    #[arg(long, value_name = "N")]
    pub trials: Option<u64>,
    /// Also write the currents before the ADC of the first chip, group x slice x input step x n x b (.npy).
    #[arg(long, value_name = "P.npy")]
    pub pre_adc: Option<PathBuf>,
    /// Outputs, trials x n x b in float64 (.npy).
    #[arg(long, value_name = "Y.npy")]
    pub out: PathBuf,
}

/// `bwq train`
#[derive(Args)]
#[command(after_help = "\
TRAIN.toml [--out DIR] [--set key=value]... [--threads N] [--quiet]: docs/train.md has the keys of TRAIN.toml.
The same command goes on after an interruption. Exit codes as elsewhere; 4: no model is within the budget.")]
pub struct TrainArgs {
    /// What `bwq-train` takes: TRAIN.toml and its options.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS", required = true)]
    pub args: Vec<OsString>,
}

/// `bwq cost`
#[derive(Args)]
#[command(after_help = "\
docs/cost.md has every key of [cost], every design and every bundled network.")]
pub struct CostArgs {
    /// A file with the section [cost] [default: the network inside the program on bwq-h].
    pub cost: Option<PathBuf>,
    /// The network: embedded, a bundled layer table (resnet18-cifar10), or a netgraph-1 JSON file.
    #[arg(long, value_name = "NAME|PATH")]
    pub network: Option<String>,
    /// Whose hardware.
    #[arg(long, value_name = "bwq-h|bsq|isaac|isaac-ou|sre|sme")]
    pub design: Option<String>,
    /// Bits of a weight in cells.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub weight_bits: Option<String>,
    /// Bits of an activation.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub activation_bits: Option<String>,
    /// Bits of a cell.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub cell_bits: Option<String>,
    /// Where rows are cut at a crossbar's border.
    #[arg(long, value_name = "block-aligned|physical")]
    pub row_cut: Option<String>,
    /// Bits of the weights' blocks: uniform, own, synthetic, or a file of `bwq search` or `bwq train`.
    #[arg(long, value_name = "WORD|FILE")]
    pub precision_map: Option<String>,
    /// Crossbars for copies of layers: own (no copies), a number, or as many as a design takes.
    #[arg(long, value_name = "N|DESIGN", allow_hyphen_values = true)]
    pub arrays: Option<String>,
    /// What things cost: band (four published sets), a set by name, or a file that ends in .toml.
    #[arg(long, value_name = "SET|FILE")]
    pub components: Option<String>,
    /// Any key in place of the file's value: --set cost.ou_wordlines=16.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Also write tables with their provenance into this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Machine-readable output.
    #[arg(long)]
    pub json: bool,
}

/// `bwq pareto`
#[derive(Args)]
#[command(after_help = "\
A sweep file whose axes are the search space, with [cost] and [pareto]: docs/config.md and docs/cost.md have the keys.
Exit codes: 0 a point keeps the accuracy, 4 every point is shown not to, 3 the chips allowed do not tell.")]
pub struct ParetoArgs {
    /// The question [default: the network inside the program by BWQ-A, over OU heights and converters].
    pub pareto: Option<PathBuf>,
    /// Results folder, with `run`'s blocks [default: the file's name with `-results`; without a file: bwq-pareto].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Engine.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// A chip keeps the accuracy if it loses at most this, in place of monte_carlo.max_drop.
    #[arg(long, value_name = "D")]
    pub max_drop: Option<f64>,
    /// The share of chips that should, in place of pareto.yield.
    #[arg(long = "yield", value_name = "Y")]
    pub yield_frac: Option<f64>,
    /// 1 - the greatest probability of a wrong verdict, in place of pareto.confidence.
    #[arg(long, value_name = "C")]
    pub confidence: Option<f64>,
    /// Most chips per point, in place of the file's [default: 20 times the fewest that can pass].
    #[arg(long, value_name = "N")]
    pub trials: Option<u64>,
    /// Images per chip, in place of the file's.
    #[arg(long, value_name = "N")]
    pub images: Option<u64>,
    /// Seed, in place of the file's.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Any key in place of the file's value: --set cost.components=ppsim. A list is an axis: --set crossbar.ou_wordlines=[9,16].
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Machine-readable output.
    #[arg(long)]
    pub json: bool,
}

/// `bwq slurm`
#[derive(Args)]
pub struct SlurmArgs {
    /// The sweep file.
    pub sweep: PathBuf,
    /// Results folder, which all nodes see [default: the sweep file's name with `-results`].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Elements of the array [default: as many as take half an hour each, measured on this machine].
    #[arg(long, value_name = "N")]
    pub shards: Option<u64>,
    /// Time limit of an element, as sbatch takes it [default: twice what it should take, measured on this machine].
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// Partition.
    #[arg(long, value_name = "NAME")]
    pub partition: Option<String>,
    /// Account.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Cores of an element; many elements of few cores make most of a cluster.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub cpus_per_task: usize,
    /// Any other flag of sbatch: --sbatch=--gres=gpu:1.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    pub sbatch: Vec<String>,
    /// Write the script into this file instead of printing it.
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Write it in place of another file.
    #[arg(long, requires = "write")]
    pub force: bool,
    /// Flags of `bwq run` for every element.
    #[arg(last = true, value_name = "RUN FLAGS")]
    pub run: Vec<OsString>,
}

/// `bwq bench`
#[derive(Args)]
pub struct BenchArgs {
    /// Machine-readable output; docs/bench.md says what the keys mean.
    #[arg(long)]
    pub json: bool,
    /// Engine: the CPU and a GPU if there is a real one, the GPU only (69 if there is none), or the CPU only.
    #[arg(long, value_name = "auto|gpu|cpu", default_value = "auto")]
    pub engine: engine::EngineChoice,
    /// Vulkan adapter: its number, a part of its name, or its PCI bus id (see `bwq doctor`).
    #[arg(long, value_name = "SEL")]
    pub adapter: Option<String>,
    /// A network to measure beside the embedded one, as `network.model` of a sweep file.
    #[arg(long, value_name = "MODEL", requires = "dataset")]
    pub model: Option<PathBuf>,
    /// Its data, as `network.dataset` of a sweep file.
    #[arg(long, value_name = "DATASET", requires = "model")]
    pub dataset: Option<PathBuf>,
    /// A look of some ten seconds: fewer cases and repeats.
    #[arg(long)]
    pub quick: bool,
    /// CPU threads of the network's wall-clock measurement; all else runs on one [default: all cores].
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// `bwq doctor`
#[derive(Args)]
pub struct DoctorArgs {
    /// Machine-readable output.
    #[arg(long)]
    pub json: bool,
}

/// `bwq completions`
#[derive(Args)]
pub struct CompletionsArgs {
    /// Shell.
    pub shell: clap_complete::Shell,
}

/// `bwq man`
#[derive(Args)]
pub struct ManArgs {
    /// Write a page for each subcommand into this folder instead of printing the first one.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
