//! Whose a results folder is. Tables, figures and networks are written under names of ours, in place of what has them: so a folder must
//! not be there, be empty, or be one of ours already. Another's is refused before any work. And how much room is left for it.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Folders that our commands make before they write any table.
const OF_OURS: [&str; 6] = ["blocks", "references", "runs", "slurm", "candidates", "chips"];
/// How a manifest of ours begins: its first field.
const MANIFEST: &str = "\"format\": \"bwq-manifest-";

/// Refuses to write results into a folder that holds other things only. One that cannot be listed is left to whoever writes there.
///
/// # Errors
/// The first thing in it that is not ours, by name.
pub fn refuse_foreign(out: &Path) -> Result<()> {
    let names = names(out);
    let foreign = names.iter().filter(|name| !of_system(name)).find(|name| !OF_OURS.contains(&name.as_str()) && !has_mark(&out.join(name)));
    match foreign {
        Some(name) if !has_mark(out) => Err(Error::input(out.display(), format!("the folder holds other things than results of bwq (`{name}`)"))
            .hint("choose another --out DIR: one that is not there yet, is empty, or has results already")),
        _ => Ok(()),
    }
}

/// What file systems and desktops put into folders.
fn of_system(name: &str) -> bool {
    ["lost+found", ".DS_Store"].contains(&name) || name.starts_with(".nfs")
}

/// What only a folder of ours has: the lock, provenance, a manifest.
fn has_mark(folder: &Path) -> bool {
    let is_manifest = || {
        let mut begin = Vec::new();
        let read = File::open(folder.join("manifest.json")).and_then(|file| file.take(64).read_to_end(&mut begin));
        read.is_ok() && String::from_utf8_lossy(&begin).contains(MANIFEST)
    };
    names(folder).iter().any(|name| name == ".lock" || name.ends_with(".provenance.json")) || is_manifest()
}

/// In order; none where there is no folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Bytes that may still be written where the folder is or will be; `None` where that is not to be known.
pub fn free_bytes(out: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let out = std::path::absolute(out).ok()?;
        let disk = rustix::fs::statvfs(out.ancestors().find(|folder| folder.exists())?).ok()?;
        disk.f_bavail.checked_mul(disk.f_frsize)
    }
    #[cfg(not(unix))]
    {
        let _ = out;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_folders_of_ours_are_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let file = |path: &str, text: &str| {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), text).unwrap();
        };
        assert!(refuse_foreign(&at("absent")).is_ok());
        fs::create_dir(at("empty")).unwrap();
        assert!(refuse_foreign(&at("empty")).is_ok());
        fs::create_dir_all(at("disk/lost+found")).unwrap();
        assert!(refuse_foreign(&at("disk")).is_ok());
        // Begun, without a table yet; done, with a note of the user's; the parent of results.
        file("begun/blocks/a.json", "{}");
        file("done/notes.txt", "mine");
        file("done/cost_layers.provenance.json", "{}");
        file("run/notes.txt", "mine");
        file("run/manifest.json", "{\n  \"format\": \"bwq-manifest-1\"\n}");
        file("parent/search/.lock", "");
        for ours in ["begun", "done", "run", "parent"] {
            assert!(refuse_foreign(&at(ours)).is_ok(), "{ours}");
        }
        file("checkout/.git/config", "");
        file("checkout/blocks/a.json", "");
        file("net/network.json", "{}");
        file("site/manifest.json", "{\"name\": \"a page\"}");
        for (other, found) in [("checkout", "`.git`"), ("net", "`network.json`"), ("site", "`manifest.json`")] {
            let error = refuse_foreign(&at(other)).unwrap_err();
            assert!(error.exit_code() == 2 && error.message.contains(found) && error.hint.is_some(), "{error}");
        }
    }
}
