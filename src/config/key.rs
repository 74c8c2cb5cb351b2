//! What one key of the sweep file is: its range, unit, default, meaning, column. The keys themselves: [`super::keys`].

/// Numbers from `min` to `max`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Least value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
    /// Whether `min` itself is refused.
    pub above_min: bool,
    /// Whether `max` itself is refused.
    pub below_max: bool,
}

/// What may be written. The bounds are part of it, the words are taken beside them.
#[allow(missing_docs)] // the text of a variant names its fields
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A whole number from `min` to `max`, or one of the words.
    Integer { min: u64, max: u64, words: &'static [&'static str] },
    /// A number, or one of the words.
    Number { interval: Interval, words: &'static [&'static str] },
    /// One of the words.
    Words { words: &'static [&'static str] },
    /// One of the words, or a path.
    Path { words: &'static [&'static str] },
    /// `true` or `false`.
    Bool,
    /// A pair `[lo, hi]` of numbers with lo < hi, or one of the words.
    Pair { interval: Interval, words: &'static [&'static str] },
}

/// What of a key goes into the point's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// Its value.
    Value,
    /// The contents of the file it names; the path does not matter.
    Contents,
    /// Nothing: finished blocks stay valid when it changes. It cannot be an axis, as its points would be one.
    Nothing,
    /// Nothing of its own: it stands for values of other keys, which are hashed. It is no axis.
    Resolved,
}

/// A key that has a meaning only with certain values of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UsedWith {
    /// Path of the other key.
    pub key: &'static str,
    /// Its values; [`A_NUMBER`] stands for any number.
    pub values: &'static [&'static str],
}

/// In [`UsedWith::values`]: any number.
pub const A_NUMBER: &str = "a number";

/// One key of the sweep file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// `section.name`, or `section.table.name`.
    pub path: &'static str,
    /// What may be written. The bounds are part of it, the words are taken beside them.
    #[allow(missing_docs)] // the text of a variant names its fields
    pub kind: Kind,
    /// Unit; empty where there is none.
    pub unit: &'static str,
    /// Default, as TOML; empty = must be given where the key is used.
    pub default: &'static str,
    /// What it is, in one line.
    pub meaning: &'static str,
    /// The likely slip, and its mending.
    pub slip: &'static str,
    /// What it costs to raise it; empty where that is nothing to speak of.
    pub cost: &'static str,
    /// Column of the CSV files.
    pub column: &'static str,
    /// What goes into the point's hash.
    pub hash: Hash,
    /// The values of another key it goes with; `None` = always used.
    pub used_with: Option<UsedWith>,
    /// The value at which what it sets is off, as in the CSV: it is then no part of the point's hash. Empty = none.
    pub off: &'static str,
}

/// A key without unit, slip and cost.
pub const fn key(
    path: &'static str,
    column: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        path,
        kind,
        unit: "",
        default,
        meaning,
        slip: "",
        cost: "",
        column,
        hash: Hash::Value,
        used_with: None,
        off: "",
    }
}

/// Whole numbers from `min` to `max`.
pub const fn integer(min: u64, max: u64) -> Kind {
    Kind::Integer { min, max, words: &[] }
}

/// One of the words.
pub const fn words(words: &'static [&'static str]) -> Kind {
    Kind::Words { words }
}

/// `min` to `max`, both included.
pub const fn closed(min: f64, max: f64) -> Interval {
    Interval { min, max, above_min: false, below_max: false }
}

impl Key {
    /// Sets the unit.
    pub const fn unit(mut self, unit: &'static str) -> Key {
        self.unit = unit;
        self
    }
    /// Sets the likely slip.
    pub const fn slip(mut self, slip: &'static str) -> Key {
        self.slip = slip;
        self
    }
    /// Sets what it costs.
    pub const fn cost(mut self, cost: &'static str) -> Key {
        self.cost = cost;
        self
    }
    pub(super) const fn off(mut self, value: &'static str) -> Key {
        self.off = value;
        self
    }
    pub(super) const fn hash(mut self, hash: Hash) -> Key {
        self.hash = hash;
        self
    }
    pub(super) const fn with(mut self, key: &'static str, values: &'static [&'static str]) -> Key {
        self.used_with = Some(UsedWith { key, values });
        self
    }

    /// The section: `crossbar` of `crossbar.rows`.
    pub fn section(&self) -> &'static str {
        self.path.split('.').next().unwrap_or(self.path)
    }

    /// The name without section and table: `law` of `device.programming_error.law`.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The inline table it stands in: `programming_error` of `device.programming_error.law`.
    pub fn table(&self) -> Option<&'static str> {
        let mut parts = self.path.split('.').skip(1);
        let table = parts.next();
        parts.next().and(table)
    }

    /// The allowed values in words: `1 to 14 (bits), "lossless" or "ideal"`.
    pub fn allowed(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!(" ({})", self.unit) };
        match self.kind {
            Kind::Integer { min, max, words } => one_of(Some(format!("{min} to {max}{unit}")), words),
            Kind::Number { interval, words } => one_of(Some(format!("{interval}{unit}")), words),
            Kind::Words { words } => one_of(None, words),
            Kind::Path { words } => one_of(Some("a path".into()), words),
            Kind::Bool => "true or false".into(),
            Kind::Pair { interval, words } => {
                one_of(Some(format!("[lo, hi] with lo < hi, {interval}{unit}")), words)
            }
        }
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (min, max) = (short(self.min), short(self.max));
        match (self.above_min, self.below_max) {
            (false, false) => write!(f, "{min} to {max}"),
            (true, false) => write!(f, "above {min} to {max}"),
            (false, true) => write!(f, "{min} to below {max}"),
            (true, true) => write!(f, "above {min} to below {max}"),
        }
    }
}

/// A number for reading: `0.05`, `1e-12`.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e7).contains(&size) { format!("{value:e}") } else { format!("{value}") }
}

/// `1 to 14, "lossless" or "ideal"`.
pub fn one_of(first: Option<String>, words: &[&str]) -> String {
    let mut all: Vec<String> = first.into_iter().chain(words.iter().map(|w| format!("\"{w}\""))).collect();
    match all.pop() {
        Some(last) if !all.is_empty() => format!("{} or {last}", all.join(", ")),
        Some(last) => last,
        None => String::new(),
    }
}
