//! What can go wrong, in the words of the person who must mend it: what, where, what is allowed, a hint.
//!
//! Exit codes are documented constants in [`exit`]. An expected error (a user's, or the outside world's)
//! names its place; an [`Kind::Internal`] one is a bug of ours and says so.

use std::fmt;
use std::path::Path;

/// Exit codes of the program.
pub mod exit {
    /// Done; for a shard, its own blocks are done.
    pub const DONE: u8 = 0;
    /// A bug in this program.
    pub const INTERNAL: u8 = 1;
    /// Usage, configuration or a bad input file.
    pub const INPUT: u8 = 2;
    /// Incomplete or undecided: more work is needed for an answer.
    pub const INCOMPLETE: u8 = 3;
    /// A stated limit is violated.
    pub const VIOLATED: u8 = 4;
    /// No usable GPU, and one was asked for.
    pub const NO_GPU: u8 = 69;
    /// Interrupted; the same command resumes.
    pub const INTERRUPTED: u8 = 75;
}

/// The class of an error; it decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Usage, configuration, input files, the file system: exit code 2.
    Input,
    /// Results are not complete yet: exit code 3.
    Incomplete,
    /// No usable GPU: exit code 69.
    NoGpu,
    /// Stopped by a signal: exit code 75.
    Interrupted,
    /// A bug of ours: exit code 1.
    Internal,
}

/// An error with its place and a hint. Displayed over several lines; see [`fmt::Display`].
#[derive(Debug, Clone, thiserror::Error)]
pub struct Error {
    /// Class, which decides the exit code.
    pub kind: Kind,
    /// File, and key, line or tensor inside it (`sweep.toml:14: crossbar.rows`).
    pub place: Option<String>,
    /// What is wrong, with the value and what is allowed.
    pub message: String,
    /// The source line, where there is one.
    pub snippet: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Result with our error.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error { kind, place: None, message: message.into(), snippet: None, hint: None }
    }
    /// A user's or the outside world's error at `place`.
    pub fn input(place: impl fmt::Display, message: impl Into<String>) -> Self {
        Error { place: Some(place.to_string()), ..Self::new(Kind::Input, message) }
    }
    /// A usage error without a file to point at.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }
    /// Results are not complete.
    pub fn incomplete(message: impl Into<String>) -> Self {
        Self::new(Kind::Incomplete, message)
    }
    /// No usable GPU.
    pub fn no_gpu(message: impl Into<String>) -> Self {
        Self::new(Kind::NoGpu, message)
    }
    /// Interrupted by a signal.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::new(Kind::Interrupted, message)
    }
    /// A bug of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }
    /// An I/O failure on `path` while doing `what` ("read", "write").
    pub fn io(path: &Path, what: &str, error: &std::io::Error) -> Self {
        let e = Self::input(path.display(), format!("cannot {what}: {error}"));
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                e.hint("free some space, then run the same command again: finished blocks are kept")
            }
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                e.hint("choose a folder you may write to with --out DIR")
            }
            std::io::ErrorKind::AlreadyExists | std::io::ErrorKind::NotADirectory => e.hint("a file is in the way of a folder: choose another --out DIR"),
            _ => e,
        }
    }
    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// Adds the source line it is about.
    pub fn snippet(mut self, snippet: impl Into<String>) -> Self {
        self.snippet = Some(snippet.into());
        self
    }
    /// The exit code of the program for this error.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Input => exit::INPUT,
            Kind::Incomplete => exit::INCOMPLETE,
            Kind::NoGpu => exit::NO_GPU,
            Kind::Interrupted => exit::INTERRUPTED,
            Kind::Internal => exit::INTERNAL,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}", self.message)?;
        if let Some(snippet) = &self.snippet {
            write!(f, "\n{snippet}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        if self.kind == Kind::Internal {
            write!(f, "\nthis is a bug in bwq: please report it with the command line and the files")?;
        }
        Ok(())
    }
}
