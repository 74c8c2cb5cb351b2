//! `bwq presets [NAME]`

use super::PresetsArgs;
use super::terminal::print;
use bwq::config::presets::{PRESETS, Preset, named};
use bwq::error::{Result, exit};

/// Prints a preset's file, or a line for each preset.
pub fn presets(args: &PresetsArgs) -> Result<u8> {
    let chosen = match &args.name {
        Some(name) => named(name, &format!("bwq presets {name}"))?,
        None => None,
    };
    print(&chosen.map_or_else(list, |preset| preset.text.to_string()))?;
    Ok(exit::DONE)
}

fn list() -> String {
    let width = PRESETS.iter().map(|p| p.name.len()).max().unwrap_or(0);
    let line = |p: &Preset| format!("{:<width$}  {}\n", p.name, p.title());
    PRESETS.iter().map(line).collect()
}
