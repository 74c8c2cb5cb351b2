//! Texts made from the key table: the file of `bwq new`, and the reference page.

use std::fmt::Write;

use super::keys::{A_NUMBER, Hash, KEYS, Key, Kind, SECTIONS, UsedWith, find, written};
use super::point::PointConfig;
use super::presets::{Line, Preset};
use super::scalar::values_in_words;
use super::pareto::SECTION as PARETO;
use super::search::SECTION as SEARCH;

/// Where the file of `bwq new` differs from the defaults: a sweep worth looking at.
const START: &[(&str, &str)] = &[
    ("crossbar.ou_wordlines", "[9, 16, 32, 64, 128]"),
    ("device.programming_error.law", "\"lognormal\""),
    ("device.programming_error.sigma_ln", "[0.0, 0.05, 0.1, 0.2]"),
];

/// Width of a comment.
const WIDTH: usize = 100;

/// The commented `sweep.toml` that `bwq new` writes; with a preset its values stand in it, with their sources.
pub fn sweep_toml(preset: Option<&Preset>) -> String {
    let start = Start { preset: preset.map(Preset::lines).unwrap_or_default() };
    let mut out = String::from(
        "# A sweep of bwq: every combination of the values below is a point; of each, a number of chips is drawn.\n\
         # A list in place of a value is an axis; { from = 8, to = 64, step = 8 } is a list, too.\n\
         # A key that is left out has its default, which is the value shown where no other is named.\n\
         # `bwq run sweep.toml --dry-run` says what it comes to.\n",
    );
    if let Some(preset) = preset {
        comment(&mut out, &format!("The values of the preset {} stand below, each with its source. {}.", preset.name, preset.title()), "");
    }
    for (section, about) in SECTIONS {
        let _ = write!(out, "\n# {about}\n[{section}]\n");
        for key in written().filter(|k| k.section() == *section) {
            let name = key.path.split_once('.').map_or(key.path, |(_, name)| name);
            let subject = key.table().map_or(String::new(), |_| format!("{name}: "));
            comment(&mut out, &format!("{subject}{}", key.meaning), "");
            comment(&mut out, &start.values_of(key), "  ");
            if let Some(line) = start.line(key) {
                comment(&mut out, &format!("{} here: {}", line.value, line.source), "  ");
            }
            let off = if start.active(key) { "" } else { "# " };
            let line = match key.table() {
                None => format!("{off}{name} = {}\n", start.of(key)),
                // A table is one line, after the comments of all its keys.
                Some(table) if is_last(key) => format!("{table} = {{ {} }}\n", start.fields(section, table)),
                Some(_) => String::new(),
            };
            out.push_str(&line);
        }
    }
    out
}

/// Whether no key of the same table comes after this one.
fn is_last(key: &Key) -> bool {
    let of_table = |k: &&Key| k.section() == key.section() && k.table() == key.table();
    KEYS.iter().rfind(of_table).is_some_and(|last| last.path == key.path)
}

/// What the file starts with.
struct Start {
    /// Values of a preset, which stand before the others.
    preset: Vec<Line>,
}

impl Start {
    fn line(&self, key: &Key) -> Option<&Line> {
        self.preset.iter().find(|line| line.path == key.path)
    }

    fn of(&self, key: &Key) -> &'static str {
        let own = || START.iter().find(|(path, _)| *path == key.path).map_or(key.default, |(_, value)| value);
        self.line(key).map_or_else(own, |line| line.value)
    }

    /// The fields of an inline table that have a meaning at the start; those of a law that are off are left out.
    fn fields(&self, section: &str, table: &str) -> String {
        let is_off = |k: &&Key| k.used_with.is_some() && !k.off.is_empty() && self.of(k) == k.default;
        let of_table = KEYS.iter().filter(|k| k.section() == section && k.table() == Some(table) && self.active(k) && !is_off(k));
        of_table.map(|k| format!("{} = {}", k.name(), self.of(k))).collect::<Vec<_>>().join(", ")
    }

    /// Whether the key has a meaning beside the values the file starts with.
    fn active(&self, key: &Key) -> bool {
        key.used_with.is_none_or(|with| {
            let partner = find(with.key).map_or("", |k| self.of(k));
            with.values.iter().any(|v| partner == format!("\"{v}\"") || *v == A_NUMBER && partner.parse::<u32>().is_ok())
        })
    }

    /// Values, default, partner and cost of a key.
    fn values_of(&self, key: &Key) -> String {
        let mut text = key.allowed();
        if !key.default.is_empty() && self.of(key) != key.default {
            let _ = write!(text, "; default {}", key.default);
        }
        if let Some(with) = key.used_with {
            let _ = write!(text, "; with {}", partner(&with));
        }
        if !key.cost.is_empty() {
            let _ = write!(text, "; {}", key.cost);
        }
        text
    }
}

fn partner(with: &UsedWith) -> String {
    format!("{} = {}", find(with.key).map_or(with.key, |k| k.name()), values_in_words(with.values))
}

fn comment(out: &mut String, text: &str, indent: &str) {
    let mut line = format!("#{indent}");
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{line}");
            line = format!("#{indent}  ");
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(out, "{line}");
}

/// A sweep file of one point: every value that is not the default. `about` stands on top. Paths stay as they are.
pub fn point_toml(point: &PointConfig, about: &str) -> String {
    let mut out = String::new();
    comment(&mut out, about, "");
    for (section, _) in SECTIONS {
        let values = KEYS.iter().filter(|k| k.section() == *section).filter_map(|k| Some((k, as_toml(k, &point.value(k.path)?))));
        let lines: Vec<String> = values.filter(|(k, v)| !says_the_same(v, k.default)).map(|(k, v)| format!("{} = {v}\n", &k.path[section.len() + 1..])).collect();
        if !lines.is_empty() {
            let _ = write!(out, "\n[{section}]\n{}", lines.concat());
        }
    }
    out
}

/// Whether two values of a file are one: 0 is 0.0.
fn says_the_same(a: &str, b: &str) -> bool {
    a == b || a.parse::<f64>().is_ok_and(|a| b.parse() == Ok(a))
}

/// A value of a point as it stands in a file.
fn as_toml(key: &Key, value: &str) -> String {
    match (key.kind, value.split_once("..")) {
        (Kind::Pair { .. }, Some((lo, hi))) => format!("[{lo}, {hi}]"),
        (Kind::Bool, _) => value.to_string(),
        (Kind::Integer { .. } | Kind::Number { .. }, _) if value.parse::<f64>().is_ok_and(f64::is_finite) => value.to_string(),
        _ => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// The reference page of the sweep file, as Markdown.
pub fn reference_markdown() -> String {
    let mut out = String::from(
        "# The sweep file\n\n\
         Made from the program's table of keys. Every section and every key but those without a default may be left \
         out.\n\n\
         A list in place of a value is an axis of the sweep, and so is `{ from = 8, to = 64, step = 8 }` for a number \
         (`to` included where a step meets it). The points are all combinations, in the order of the keys below, the \
         last one running fastest; combinations that differ only in values without a meaning there are one point. \
         `--set section.key=value` sets a value from the command line.\n",
    );
    for (section, about) in SECTIONS.iter().chain([&SEARCH, &PARETO]) {
        let _ = write!(
            out,
            "\n## `[{section}]`: {about}\n\n| key | values | default | meaning | column |\n|---|---|---|---|---|\n"
        );
        for key in written().filter(|k| k.section() == *section) {
            let name = key.path.split_once('.').map_or(key.path, |(_, name)| name);
            let default =
                if key.default.is_empty() { "must be given".into() } else { format!("`{}`", key.default) };
            let mut meaning = key.meaning.to_string();
            for note in [key.slip, key.cost].into_iter().filter(|n| !n.is_empty()) {
                let _ = write!(meaning, "; {note}");
            }
            if let Some(with) = key.used_with {
                let _ = write!(meaning, "; only with {}", partner(&with));
            }
            meaning.push_str(match key.hash {
                Hash::Value => "",
                Hash::Contents => "; its contents, not its path, are part of the point's hash",
                Hash::Nothing => {
                    "; one value for the whole sweep, and finished blocks stay valid when it changes"
                }
                Hash::Resolved => "; its values are part of the point's hash, its name is not",
            });
            let column = if key.column.is_empty() { "none".into() } else { format!("`{}`", key.column) };
            let _ = writeln!(out, "| `{name}` | {} | {default} | {} | {column} |", cell(&key.allowed()), cell(&meaning));
        }
    }
    out
}

/// Text for a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::super::presets::PRESETS;
    use super::super::{Overrides, parse};
    use super::*;

    #[test]
    fn the_template_is_a_sweep_of_twenty_points() {
        let text = sweep_toml(None);
        let sweep =
            parse(&text, "sweep.toml", &Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(sweep.points.len(), 20);
        assert_eq!(sweep.swept_columns(), ["ou_wordlines", "sigma_ln"]);
        assert!(text.lines().all(|l| l.len() <= WIDTH + 10), "{text}");
    }

    #[test]
    fn every_line_of_the_template_may_be_switched_on() {
        // The commented-out lines are values too: each parses beside its partner.
        let text =
            sweep_toml(None).replace("# offset_removal =", "offset_removal =").replace("# range =", "range =");
        let overrides = Overrides {
            set: vec!["crossbar.encoding=offset".into(), "adc.bits=6".into()],
            ..Default::default()
        };
        assert!(parse(&text, "sweep.toml", &overrides).is_ok_and(|s| s.points.len() == 20));
    }

    #[test]
    fn a_file_with_a_preset_has_its_values() {
        for preset in PRESETS {
            let text = sweep_toml(Some(preset));
            let points = |text: &str| parse(text, "sweep.toml", &Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{text}")).points;
            let wanted = &points(&format!("[device]\npreset = \"{}\"\n", preset.name))[0];
            for line in preset.lines() {
                assert!(text.contains(&line.source[..line.source.len().min(20)]), "{}: {}", preset.name, line.path);
                assert!(points(&text).iter().all(|p| p.value(&line.path) == wanted.value(&line.path)), "{}: {}", preset.name, line.path);
            }
        }
    }

    #[test]
    fn a_written_point_is_read_as_it_was() {
        let text = "[network]\nmodel = \"a b/\\\\\\\"n.json\"\n[adc]\nbits = 5\nrange = [-9, 8.5]\n[device]\non_off_ratio = \"infinite\"\n\
            programming_error = { law = \"lognormal\", sigma_ln = 0.1, clip = true }\nstuck_at = { on_frac = 0.01 }\n[monte_carlo]\nantithetic = true\n";
        let points = |text: &str| parse(text, "s.toml", &Overrides::default()).unwrap_or_else(|e| panic!("{e}\n{text}")).points;
        let written = point_toml(&points(text)[0], "about");
        assert_eq!(points(&written), points(text), "{written}");
    }

    #[test]
    fn starting_values_are_values_of_keys() {
        for (path, _) in START {
            assert!(find(path).is_some(), "{path}");
        }
    }

    #[test]
    fn the_reference_has_every_key() {
        let page = reference_markdown();
        for key in KEYS {
            assert!(
                page.contains(&format!("`{}` |", key.column)) && page.contains(key.meaning),
                "{}",
                key.path
            );
        }
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        assert!(page.lines().filter(|l| l.starts_with("| `")).all(|l| [4, 6].contains(&columns(l))));
    }
}
