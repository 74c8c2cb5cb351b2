//! One self-contained HTML page of a results folder: what was run, the answer, figures, tables, configuration, provenance.
//!
//! The page is made from the files that a user sees, tables and their provenance, not from blocks: it shows what the tables
//! say, and a published folder of tables alone can be shown too. The way: [`folder`] reads them, [`chart`]s are made of tables,
//! each section is a function from the folder to HTML. Nothing in the page is loaded from anywhere, and the same folder gives
//! the same bytes.
//!
//! To add a section: a file with a function `of(&Folder) -> Result<String>` that is empty where the folder has nothing for it,
//! and a line in [`SECTIONS`]. To add a figure: a function in `figures`.

mod answer;
mod before;
mod chart;
mod configuration;
mod embedded;
mod figures;
mod folder;
mod heading;
mod html;
mod numbers;
mod provenance;
mod tables;
mod warnings;

use crate::error::Result;
use folder::Folder;
use sha2::{Digest, Sha256};
use std::path::Path;

/// A page.
pub struct Page {
    /// All of it.
    pub html: String,
    /// Blocks that the sweep's tables lack.
    pub missing_blocks: u64,
}

/// A section: its id, its title, what it holds.
type Section = (&'static str, &'static str, fn(&Folder) -> Result<String>);

/// In the order of the page.
const SECTIONS: &[Section] = &[
    ("answer", "In short", answer::of),
    ("warnings", "Warnings", warnings::of),
    ("before", "Before any trial", before::of),
    ("figures", "Figures", figures::of),
    ("pictures", "Pictures", embedded::of),
    ("tables", "Tables", tables::of),
    ("configuration", "Configuration", configuration::of),
    ("provenance", "Provenance", provenance::of),
];

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What a browser may load and run: pictures that stand in the page, and the style sheet and the script of these very bytes.
fn policy() -> String {
    let hash = |text: &str| embedded::base64(&Sha256::digest(text.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:", hash(STYLE), hash(SCRIPT))
}

/// The page of the results in `dir`. A folder without a table of results is refused.
pub fn page(dir: &Path) -> Result<Page> {
    let folder = Folder::read(dir)?;
    let (mut contents, mut body) = (String::new(), String::new());
    for (id, title, of) in SECTIONS {
        let inside = of(&folder)?;
        if !inside.is_empty() {
            contents += &format!("<li><a href=\"#{id}\">{title}</a></li>");
            body += &format!("<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{inside}</section>\n");
        }
    }
    let title = html::escape(&heading::title(&folder));
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n{}<nav aria-label=\"Sections\"><ul>{contents}</ul></nav>\n</header>\n\
         <main>\n{body}</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n",
        policy(),
        heading::lead(&folder),
    );
    Ok(Page { html, missing_blocks: folder.missing_blocks() })
}
