//! `bwq new DIR`

use super::NewArgs;
use super::terminal::Terminal;
use bwq::config::{presets, template};
use bwq::error::{Error, Result, exit};
use bwq::sweep::{Observer, atomic};

/// Writes a commented sweep file.
pub fn new(args: &NewArgs, terminal: &Terminal) -> Result<u8> {
    let path = args.dir.join("sweep.toml");
    if path.exists() {
        return Err(Error::input(path.display(), "is there already and is not overwritten").hint("choose another folder, or move the file away"));
    }
    let preset = match &args.preset {
        Some(name) => presets::named(name, &format!("--preset {name}"))?,
        None => None,
    };
    atomic::write(&path, template::sweep_toml(preset).as_bytes())?;
    terminal.say(&format!("{} is ready to edit; then: bwq run {}", path.display(), path.display()));
    Ok(exit::DONE)
}
