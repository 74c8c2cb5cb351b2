//! One kernel by itself, for whoever works on it: `cargo bench --bench kernels -- direct 9 1024` measures the kernels whose
//! name begins so at 9 wordlines and 1024 vectors. Without words: every kernel, every height, 1024 vectors.

use bwq::bench::cases::{Case, Fraction};
use bwq::bench::clock::Effort;
use bwq::bench::{kernels, limits};
use bwq::engine::Engine;
use bwq::error::Result;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let number = |i: usize| words.get(i).and_then(|w| w.parse::<usize>().ok());
    let heights = number(1).map_or(vec![9, 16, 32, 64, 128], |height| vec![height]);
    let wanted = |k: &&kernels::Kernel| words.first().is_none_or(|w| k.name.starts_with(w.as_str()));
    // All on one thread, whose CPU time is taken.
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(|e| bwq::error::Error::internal(e.to_string()))?;
    one.install(|| {
        let limits = limits::measure()?;
        for ou_wordlines in heights {
            for fraction in [Fraction::Max, Fraction::Coarse] {
                let case = Case { ou_wordlines, vectors: number(2).unwrap_or(1024), fraction };
                for kernel in kernels::KERNELS.iter().filter(wanted) {
                    if let Some(speed) = kernels::measure(kernel, &Engine::Cpu, &case, &Effort::new(false), &|table_kib| limits.rows_per_s(table_kib))? {
                        println!("{speed:#?}");
                    }
                }
            }
        }
        Ok(())
    })
}
