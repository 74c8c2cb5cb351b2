//! Text and tables as HTML. Everything that comes from a folder passes through [`escape`].

/// Text that is nothing but text in HTML, also inside quotes. Control characters, which HTML cannot hold, are replaced.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A paragraph of text; what stands in backticks is code.
pub fn paragraph(text: &str) -> String {
    let parts: Vec<String> = text.split('`').map(escape).collect();
    if parts.len().is_multiple_of(2) {
        return format!("<p>{}</p>\n", escape(text));
    }
    let inside: String = parts.iter().enumerate().map(|(i, part)| if i % 2 == 1 { format!("<code>{part}</code>") } else { part.clone() }).collect();
    format!("<p>{inside}</p>\n")
}

/// A column's name and what it means.
pub struct Head {
    /// Name.
    pub name: String,
    /// Meaning; empty where there is none.
    pub meaning: String,
}

impl Head {
    /// A column that needs no explanation.
    pub fn plain(name: &str) -> Self {
        Head { name: name.to_string(), meaning: String::new() }
    }
}

/// Rows of a table that paper keeps together.
const SHORT: usize = 14;

/// Columns above which paper has no room for intervals in one line.
const WIDE: usize = 12;
/// Rows of a folded table that paper has; page.css has the same number.
const ON_PAPER: usize = 24;

/// A table of text, sortable where scripts run. Numbers stand at the right.
pub fn table(caption: &str, heads: &[Head], rows: &[Vec<String>]) -> String {
    let short = if rows.len() <= SHORT { " short" } else { "" };
    let wide = if heads.len() > WIDE { " wide" } else { "" };
    let mut text = format!("<div class=\"scroll\"><table class=\"data{short}{wide}\">\n<caption>{}</caption>\n<thead><tr>", escape(caption));
    let numbers = |column: usize| rows.iter().filter_map(|r| r.get(column)).all(|v| v.is_empty() || is_number(v));
    let class: Vec<&str> = (0..heads.len()).map(|column| if numbers(column) { " class=\"n\"" } else { "" }).collect();
    for (head, class) in heads.iter().zip(&class) {
        let title = if head.meaning.is_empty() { String::new() } else { format!(" title=\"{}\"", escape(&head.meaning)) };
        text += &format!("<th scope=\"col\"{class}{title}>{}</th>", breakable(&head.name));
    }
    text += "</tr></thead>\n<tbody>\n";
    for row in rows {
        let cells = row.iter().zip(&class).map(|(value, class)| format!("<td{class}>{}</td>", breakable(value)));
        text += &format!("<tr>{}</tr>\n", cells.collect::<String>());
    }
    text + "</tbody>\n</table></div>\n"
}

/// What paper says behind a folded table that is longer than it shows.
pub fn cut_on_paper(rows: usize, file: &str) -> String {
    if rows <= ON_PAPER {
        return String::new();
    }
    format!("<p class=\"paper\">On paper the first {ON_PAPER} of {rows} rows; all of them are in {}.</p>\n", escape(file))
}

/// Names and values, a row each; the value is HTML already.
pub fn pairs(of: &[(String, String)]) -> String {
    let row = |(name, value): &(String, String)| format!("<tr><th scope=\"row\">{}</th><td>{value}</td></tr>\n", breakable(name));
    format!("<div class=\"scroll\"><table class=\"pairs\"><tbody>\n{}</tbody></table></div>\n", of.iter().map(row).collect::<String>())
}

/// What stands folded away on the screen, and open on paper.
pub fn folded(summary: &str, inside: &str) -> String {
    format!("<details><summary>{}</summary>\n{inside}</details>\n", escape(summary))
}

/// Characters after which a word may be broken wherever it is, as hashes must.
const LONGEST_WORD: usize = 20;

/// Text that may be broken behind underscores and slashes, and inside words that no column has room for.
pub fn breakable(text: &str) -> String {
    let (mut broken, mut run) = (String::new(), 0);
    for c in text.chars() {
        broken += &escape(c.encode_utf8(&mut [0; 4]));
        run = if c.is_whitespace() { 0 } else { run + 1 };
        if c == '_' || c == '/' || run == LONGEST_WORD {
            broken += "<wbr>";
            run = 0;
        }
    }
    broken
}

fn is_number(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_digit() || c == '-') && value.chars().all(|c| c.is_ascii_digit() || " \u{a0}.-+e()%,to".contains(c))
}

#[cfg(test)]
mod tests {
    use super::{escape, is_number};

    #[test]
    fn nothing_escapes() {
        assert_eq!(escape("<a b=\"c\" d='e'>&amp;\0\n"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;\u{fffd}\n");
    }

    #[test]
    fn numbers_and_intervals_stand_at_the_right() {
        assert!(["-1.5", "92.73 (92.10 to 93.00)", "1e-7"].iter().all(|v| is_number(v)));
        assert!(["", "conv1", "9 wordlines", "3x"].iter().all(|v| !is_number(v)));
    }
}
