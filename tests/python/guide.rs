//! docs/guide.md as a reader follows it, in one folder: a block with a file's name behind its language is that file, a block of `sh` is
//! run, and each line of a `text` block must be among what was printed so far (`text numbers may differ`: but for its digits).

use std::path::Path;
use std::process::Command;

/// A fenced block: the words behind its fence, what is in it, and the number of its first line.
struct Block {
    info: Vec<String>,
    text: String,
    line: usize,
}

fn blocks(page: &str) -> Vec<Block> {
    let (mut all, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for (i, line) in page.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => all.extend(open.take()),
            (Some(info), None) => open = Some(Block { info: info.split_whitespace().map(str::to_string).collect(), text: String::new(), line: i + 2 }),
            (None, Some(block)) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block of the guide is not closed");
    all
}

/// A line without its spacing; `about`: without its digits, too.
fn heard(line: &str, about: bool) -> String {
    let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if about { words.replace(|c: char| c.is_ascii_digit(), "").replace('.', "") } else { words }
}

/// Follows the page, with `python` for `python3`.
pub fn follow(python: &Path) {
    let dir = tempfile::tempdir().expect("a folder");
    let beside = |program: &Path| program.parent().expect("a folder").display().to_string();
    let path = format!("{}:{}:{}", beside(Path::new(env!("CARGO_BIN_EXE_bwq"))), beside(python), std::env::var("PATH").unwrap_or_default());
    let (mut printed, mut runs, mut compared) = (Vec::new(), 0, 0);
    for block in blocks(include_str!("../../docs/guide.md")) {
        let at = format!("docs/guide.md:{}", block.line);
        match block.info.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["sh"] => {
                let out = Command::new("sh").args(["-euc", &block.text]).current_dir(dir.path()).env("PATH", &path).env_remove("BWQ").output().expect("sh starts");
                let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
                assert!(out.status.success(), "{at}: exit code {:?}\n{text}", out.status.code());
                printed.extend(text.lines().map(str::to_string));
                runs += 1;
            }
            ["text", ref words @ ..] => {
                let about = words == ["numbers", "may", "differ"];
                assert!(about || words.is_empty(), "{at}: text, or text numbers may differ");
                for line in block.text.lines() {
                    assert!(printed.iter().any(|p| heard(p, about) == heard(line, about)), "{at}: not printed: {line}\nbut:\n{}", printed.join("\n"));
                    compared += 1;
                }
            }
            [_, file] => std::fs::write(dir.path().join(file), &block.text).expect("written"),
            _ => panic!("{at}: a block is `sh`, `text`, or a language and a file's name: {:?}", block.info),
        }
    }
    assert!(runs >= 8 && compared >= 10, "{runs} blocks run, {compared} lines compared");
    for made in ["heights/accuracy_vs_ou_wordlines.svg", "my-results/report.html", "job.sh"] {
        assert!(dir.path().join(made).is_file(), "{made} is not there");
    }
}
