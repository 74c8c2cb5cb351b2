//! The program: read the command line, do one thing, print an error with its hint, exit with its code.

use clap::FromArgMatches;
use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    quiet_drivers();
    let cli = match cli::Cli::from_arg_matches(&cli::examples::command().get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let terminal = cli::terminal::Terminal::new(cli.quiet);
    let result = match cli.command {
        cli::Command::Demo(args) => cli::run::demo(&args, &terminal),
        cli::Command::New(args) => cli::new::new(&args, &terminal),
        cli::Command::Presets(args) => cli::presets::presets(&args),
        cli::Command::Import(args) => cli::import::import(&args, &terminal),
        cli::Command::Run(args) => cli::run::run(&args, &terminal),
        cli::Command::Status(args) => cli::status::status(&args),
        cli::Command::Merge(args) => cli::merge::merge(&args, &terminal),
        cli::Command::Explain(args) => cli::explain::explain(&args, &terminal),
        cli::Command::Check(args) => cli::check::check(&args, &terminal),
        cli::Command::Search(args) => cli::search::search(&args, &terminal),
        cli::Command::Mvm(args) => cli::mvm::mvm(&args, &terminal),
        cli::Command::Train(args) => cli::train::train(&args, cli.quiet),
        cli::Command::Cost(args) => cli::cost::cost(&args, &terminal),
        cli::Command::Pareto(args) => cli::pareto::pareto(&args, &terminal),
        cli::Command::Plot(args) => cli::merge::plot(&args, &terminal),
        cli::Command::Slurm(args) => cli::slurm::slurm(&args, &terminal),
        cli::Command::Report(args) => cli::report::report(&args, &terminal),
        cli::Command::Bench(args) => cli::bench::bench(&args, &terminal),
        cli::Command::Doctor(args) => cli::doctor::doctor(&args, &terminal),
        cli::Command::Completions(args) => cli::manual::completions(&args),
        cli::Command::Man(args) => cli::manual::man(&args, &terminal),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Mesa's device selection prints an error for every adapter where this variable is missing, though it needs it for
/// windows only, and we open none.
fn quiet_drivers() {
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: the program has no other thread yet.
        unsafe { std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir()) };
    }
}
