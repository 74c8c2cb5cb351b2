//! The examples at the end of each subcommand's help. A test reads every one of them as the program would.

use super::Cli;
use clap::{Command, CommandFactory};

/// Subcommand, and lines of a shell.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("demo", &["bwq demo", "bwq demo --out first-look --engine cpu"]),
    ("new", &["bwq new my-sweep", "bwq new dlrsim --preset dlrsim_iccad_2018"]),
    ("presets", &["bwq presets", "bwq presets dlrsim_iccad_2018"]),
    (
        "import",
        &[
            "bwq import model.onnx -o my-net --scale 1/255 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225",
            "bwq import weights.safetensors --graph layers.json -o my-net --input-shape 3,32,32 --scale 1/255",
        ],
    ),
    (
        "run",
        &[
            "bwq run sweep.toml --dry-run",
            "bwq run sweep.toml --out results --set device.programming_error.sigma_ln=[0.05,0.1]",
            "bwq run sweep.toml --out results --shard 0/4     # and 1/4, 2/4, 3/4 elsewhere; then bwq merge results",
            "bwq run sweep.toml --half-width 0.002 --trials 10000",
        ],
    ),
    ("status", &["bwq status results", "sbatch --array=\"$(bwq status results --missing --shards 64)\" job.sh"]),
    ("merge", &["bwq merge results", "bwq merge results --partial"]),
    ("explain", &["bwq explain sweep.toml --trials 10 --no-layers"]),
    ("check", &["bwq check sweep.toml --max-drop 0.01 --yield 0.99 --confidence 0.95", "bwq check sweep.toml --set crossbar.ou_wordlines=[9,16,32] --json"]),
    ("mvm", &["bwq mvm --weights W.npy --inputs X.npy --config MVM.toml --trials 100 --out Y.npy"]),
    ("search", &["bwq search --images 500", "bwq search search.toml --max-drop 0.01 --set search.objective=ou-operations"]),
    ("train", &["bwq train TRAIN.toml --out trained"]),
    ("cost", &["bwq cost --network resnet18-cifar10 --precision-map synthetic", "bwq cost COST.toml --design isaac-ou --out cost-results"]),
    ("pareto", &["bwq pareto", "bwq pareto pareto.toml --yield 0.9 --set cost.components=ppsim"]),
    ("plot", &["bwq plot results"]),
    (
        "slurm",
        &[
            "bwq slurm sweep.toml --partition short --write job.sh     # measured here, and sized",
            "bash job.sh                                               # submits the array and its merge",
            "bwq slurm sweep.toml --shards 64 --time 1:00:00 --sbatch=--gres=gpu:1 -- --engine gpu > job.sh",
            "bash job.sh \"$(bwq status sweep-results --missing --shards 64)\"",
        ],
    ),
    ("report", &["bwq report results", "bwq report results -o first-sweep.html"]),
    ("bench", &["bwq bench --quick", "bwq bench --json --engine cpu"]),
    ("doctor", &["bwq doctor", "bwq doctor --json"]),
    ("completions", &["bwq completions bash > ~/.local/share/bash-completion/completions/bwq", "bwq completions zsh > ~/.zfunc/_bwq"]),
    ("man", &["bwq man | man -l -", "bwq man --out ~/.local/share/man/man1"]),
];

/// The command line with the examples: what is parsed, completed, and made a manual of.
pub fn command() -> Command {
    let with_examples = |sub: Command| {
        let lines = EXAMPLES.iter().find(|(name, _)| *name == sub.get_name()).map_or(&[][..], |(_, lines)| lines);
        let before = sub.get_after_help().map_or(String::new(), |text| format!("{text}\n\n"));
        let examples: String = lines.iter().map(|line| format!("\n  {line}")).collect();
        sub.after_help(format!("{before}Examples:{examples}"))
    };
    Cli::command().mut_subcommands(with_examples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subcommand_has_examples_that_it_takes() {
        let all = command();
        let names: Vec<&str> = all.get_subcommands().map(|s| s.get_name()).collect();
        assert_eq!(EXAMPLES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names, "in the order of the help");
        for (name, lines) in EXAMPLES {
            assert!(!lines.is_empty(), "{name}");
            for line in *lines {
                let Some(at) = line.find("bwq ") else { continue };
                let line = line[at..].split([')', '>', '|', '#']).next().unwrap_or_default();
                let words: Vec<&str> = line.split_whitespace().collect();
                assert!(!line.starts_with("bwq ") || words[1] == *name || *name == "slurm", "{line}: stands with {name}");
                let parsed = command().try_get_matches_from(&words);
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            }
        }
    }
}
