//! SVG files of the folder, inside the page as images: whatever they hold, an image runs no script and loads nothing.

use super::folder::Folder;
use super::html::escape;
use crate::error::Result;

/// Bytes of the largest picture that goes into a page.
const MOST_BYTES: usize = 4 << 20;

/// All pictures, in the order of their names.
pub fn of(folder: &Folder) -> Result<String> {
    let mut text = String::new();
    for (name, bytes) in &folder.pictures {
        let title = escape(&title(name));
        if bytes.len() > MOST_BYTES {
            text += &format!("<p>{title}: {}.svg has {} bytes and is left out.</p>\n", escape(name), bytes.len());
            continue;
        }
        let data = base64(bytes);
        text += &format!("<figure class=\"picture\">\n<figcaption><strong>{title}</strong></figcaption>\n<img alt=\"{title}\" src=\"data:image/svg+xml;base64,{data}\">\n</figure>\n");
    }
    Ok(text)
}

/// What a picture shows; its name where that is not known.
fn title(name: &str) -> String {
    let known = [
        ("bits_per_block", "Magnitude bits of each weight block, layer by layer."),
        ("block_bits", "How many weight blocks have how many bits."),
        ("explain", "Loss of accuracy by cause."),
        ("pareto", "Mean accuracy against cost, and the front."),
        ("search", "Candidates of the search: accuracy against bits."),
        ("cost_breakdown", "Energy of an image by part, under each component set."),
        ("cost_comparison", "Gains over the first design."),
    ];
    known.iter().find(|(stem, _)| *stem == name).map_or_else(|| name.replace('_', " "), |(_, title)| title.to_string())
}

/// Base64 with padding (RFC 4648, section 4).
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, i| word << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        for digit in 0..4 {
            let value = (word >> (18 - 6 * digit)) & 63;
            text.push(if digit > three.len() { '=' } else { char::from(DIGITS[value as usize]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    /// The test vectors of RFC 4648, section 10.
    #[test]
    fn base64_is_that_of_the_rfc() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")];
        cases.iter().for_each(|(bytes, text)| assert_eq!(base64(bytes.as_bytes()), *text));
    }
}
