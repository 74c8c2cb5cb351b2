//! Who is at work in a folder. Any number of processes may make the blocks of one sweep there, and none of another sweep meanwhile: the
//! manifest says which sweep a folder is of, and `merge` believes it. A training is alone in its folder.
//!
//! The lock is the operating system's, on the file `.lock` of the folder: it ends with its process, however that ends. On file systems
//! that have no locks nothing is locked, and [`AtWork::without_locks`] says so.

use super::manifest::Manifest;
use crate::error::{Error, Result};
use std::fs::{File, TryLockError};
use std::path::Path;

/// The lock of a folder; dropped, it ends.
#[derive(Debug)]
pub struct AtWork {
    _file: Option<File>,
}

/// How often another's beginning is looked at again.
const LOOKS: usize = 4;

impl AtWork {
    /// Joins those who are at work on the points of `manifest`. If nobody is at work in `out`, it becomes the folder's manifest.
    ///
    /// # Errors
    /// Another sweep is at work there; a folder that cannot be written.
    pub fn join(out: &Path, manifest: &Manifest) -> Result<Self> {
        let file = lock_file(out)?;
        let is_ours = || Manifest::read(out).is_ok_and(|there| there.is_of_same_points(manifest));
        for _ in 0..LOOKS {
            match file.try_lock() {
                Ok(()) => {
                    manifest.write(out)?;
                    // From here on others may join, once they see the manifest.
                    let _ = file.unlock();
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(_)) => return manifest.write(out).map(|()| AtWork { _file: None }),
            }
            if file.lock_shared().is_ok() && is_ours() {
                return Ok(AtWork { _file: Some(file) });
            }
            let _ = file.unlock();
        }
        Err(Error::input(out.display(), "another sweep is at work in this folder").hint("wait until it is done, or choose another --out DIR: a folder holds the results of one sweep at a time"))
    }

    /// Is the only one at work in `out`.
    ///
    /// # Errors
    /// Somebody is at work there; a folder that cannot be written.
    pub fn alone(out: &Path) -> Result<Self> {
        let file = lock_file(out)?;
        match file.try_lock() {
            Ok(()) => Ok(AtWork { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => Err(Error::input(out.display(), "somebody else is at work in this folder").hint("wait until that is done, or choose another --out DIR")),
            Err(TryLockError::Error(_)) => Ok(AtWork { _file: None }),
        }
    }

    /// What to tell where the file system has no locks.
    pub fn without_locks(&self) -> Option<&'static str> {
        self._file.is_none().then_some("this file system has no locks: see that nothing else is at work in the results folder")
    }
}

fn lock_file(out: &Path) -> Result<File> {
    std::fs::create_dir_all(out).map_err(|e| Error::io(out, "make the folder", &e))?;
    let path = out.join(".lock");
    File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| Error::io(&path, "write", &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(points: &[char]) -> Manifest {
        let point = |c: &char| serde_json::json!({"hash": c.to_string().repeat(64), "network_hash": "0".repeat(64), "columns": [], "seed": 1, "trials": 6, "block_trials": 2, "images": 10, "max_drop": 0.1, "macs": 1, "layers": ["a"]});
        serde_json::from_value(serde_json::json!({"format": "bwq-manifest-1", "tool_version": "0", "points": points.iter().map(point).collect::<Vec<_>>()})).unwrap()
    }

    #[test]
    fn one_sweep_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = AtWork::join(dir.path(), &of(&['a', 'b'])).unwrap();
        assert_eq!(first.without_locks(), None);
        let second = AtWork::join(dir.path(), &of(&['a', 'b'])).unwrap();
        let refused = AtWork::join(dir.path(), &of(&['a', 'c'])).unwrap_err();
        assert!(refused.message.contains("another sweep") && refused.place.is_some(), "{refused}");
        drop(first);
        assert!(AtWork::join(dir.path(), &of(&['c'])).is_err() && AtWork::alone(dir.path()).is_err());
        drop(second);
        // A folder's next sweep is another one if nobody is at work: its finished blocks stay.
        let next = AtWork::join(dir.path(), &of(&['a', 'c'])).unwrap();
        assert!(Manifest::read(dir.path()).unwrap().is_of_same_points(&of(&['a', 'c'])));
        drop(next);
        let alone = AtWork::alone(dir.path()).unwrap();
        assert!(AtWork::alone(dir.path()).is_err());
        drop(alone);
    }
}
