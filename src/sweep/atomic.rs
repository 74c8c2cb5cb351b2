//! Files that are there whole or not at all.

use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// Writes `bytes` under a name of its own beside `path`, flushes them to the disk, then renames.
/// A failure leaves nothing behind.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|e| Error::io(folder, "make the folder", &e))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The host stands in the name since shards on several machines may share the folder.
    let temporary = folder.join(format!("{name}.tmp.{}.{}", host(), std::process::id()));
    let written = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    written.map_err(|e| {
        // Nothing half-written stays; that the removal fails as well changes nothing.
        let _ = fs::remove_file(&temporary);
        Error::io(path, "write", &e)
    })
}

/// The machine's name, made fit for a file name.
pub fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME")).unwrap_or_else(|_| "host".into());
    name.trim().chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn a_failed_write_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("taken");
        std::fs::create_dir_all(target.join("not empty")).unwrap();
        assert!(write(&target, b"x").is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        write(&dir.path().join("a/b.json"), b"y").unwrap();
        assert_eq!(std::fs::read(dir.path().join("a/b.json")).unwrap(), b"y");
    }
}
