//! Ways to compute a product of the same integers: term by term, or from tables of what patterns of driven rows give.

use std::fmt;
use std::str::FromStr;

/// How the product of a part of a layer is computed. All kernels give the same integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Conductances are added and converted for every vector: nothing to prepare, best for few vectors.
    Direct,
    /// Per row group and pattern of driven rows, the shifted-and-added codes of a weight column from a table: low groups.
    Table,
    /// Per block of rows of a group and pattern, the current from a table; currents are added and converted: high groups.
    Split,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Kernel; 3] = [Kernel::Direct, Kernel::Table, Kernel::Split];
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Kernel::Direct => "direct",
            Kernel::Table => "table",
            Kernel::Split => "split",
        })
    }
}

impl FromStr for Kernel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Kernel::ALL.into_iter().find(|k| k.to_string() == text).ok_or_else(|| "expected direct, table or split".into())
    }
}
