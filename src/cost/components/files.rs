//! The component sets inside the program, from `components/NAME.toml`.

use crate::config::source::meant;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        /// All sets.
        pub const FILES: &[File] = &[$(File { name: $name, text: include_str!(concat!("../../../components/", $name, ".toml")) }),+];
    };
}

files!("isaac", "ppsim", "adc-survey", "neurosim-sar", "bwq-h-table1", "forms-adc", "newton-adc", "saberi-adc");

/// The sets whose spread is the error bar of every energy.
pub const BAND: [&str; 4] = ["isaac", "ppsim", "adc-survey", "neurosim-sar"];

/// A set inside the program.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

impl File {
    /// What messages call it.
    pub fn place(&self) -> String {
        format!("component set {}", self.name)
    }
}

/// The set of this name.
pub fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|f| f.name == name)
}

/// All names, for messages.
pub fn names() -> String {
    FILES.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
}

/// What to do about a name that is none.
pub fn hint(name: &str) -> String {
    match meant(name, FILES.iter().map(|f| f.name)) {
        Some(other) => format!("did you mean \"{other}\"?"),
        None => format!("one of: {}; a file of your own is given by its path, with .toml at its end", names()),
    }
}
