//! Changes of valid files, as transfers, editors and attackers make them: of bytes, of text (lines, numbers, words), of JSON
//! (values, keys), of a file with a header in text. The same stream of random numbers makes the same changes.

use bwq::rng::PhiloxStream;
use rand::RngExt;
use serde_json::{Value, json};

/// Numbers at the ends of what types hold, as text.
pub const NUMBERS: [&str; 28] = [
    "0", "-0", "1", "-1", "2", "3", "7", "64", "255", "65536", "1048576", "2147483647", "2147483648", "4294967295", "4294967296", "1099511627776", "9007199254740993",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551615", "1e308", "-1e308", "1e999", "1e-320", "0.5", "nan", "inf",
];

/// Words that files should not hold where other words are wanted.
const WORDS: [&str; 14] = ["", "nan", "true", "none", "input", "embedded", "..", "../../etc/passwd", "\u{e9}1", "\u{202e}\u{0}", "a,b", "\\u0000", "{}", "\" or \""];

/// What stands where a value of another kind should.
const VALUES: [&str; 10] = ["true", "\"x\"", "[]", "{}", "[[], [1]]", "{ a = 1 }", "{\"a\":1}", "null", "1979-05-27", "[0, -1, 1e300]"];

fn one<T: Clone>(of: &[T], rng: &mut PhiloxStream) -> T {
    of[rng.random_range(0..of.len())].clone()
}

/// How many changes of one file: mostly one, since what has two faults is refused for the first.
fn changes(rng: &mut PhiloxStream) -> usize {
    one(&[1, 1, 1, 2, 3], rng)
}

/// A few bytes changed, lost, doubled, or taken from `other`.
pub fn of_bytes(valid: &[u8], other: &[u8], rng: &mut PhiloxStream) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for _ in 0..changes(rng) {
        let at = rng.random_range(0..bytes.len().max(1)).min(bytes.len());
        let end = (at + rng.random_range(0..64usize)).min(bytes.len());
        match rng.random_range(0..7) {
            0 => bytes.truncate(at),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << rng.random_range(0..8)),
            2 => bytes.iter_mut().skip(at).take(1).for_each(|b| *b = rng.random()),
            3 => drop(bytes.drain(at..end)),
            4 => drop(bytes.splice(at..at, (0..rng.random_range(1..12)).map(|_| 0xffu8))), // a varint, or a length, of the largest kind
            5 => {
                let piece = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, piece));
            }
            _ => {
                let from = rng.random_range(0..other.len());
                drop(bytes.splice(at..end, other[from..(from + 64).min(other.len())].iter().copied()));
            }
        }
    }
    bytes
}

/// Lines lost, doubled, swapped; numbers, words and values replaced; encodings and line ends that are not ours.
pub fn of_text(valid: &[u8], rng: &mut PhiloxStream) -> Vec<u8> {
    let mut text = valid.to_vec();
    for _ in 0..changes(rng) {
        text = match rng.random_range(0..10) {
            0..3 => of_lines(&text, rng),
            3..6 => put(&text, &tokens(&text, number), one(&NUMBERS, rng).as_bytes(), rng),
            6 => {
                let word = if rng.random() { one(&WORDS, rng).into() } else { "long ".repeat(rng.random_range(1..2000)) };
                put(&text, &tokens(&text, quoted), format!("\"{word}\"").as_bytes(), rng)
            }
            7 => put(&text, &tokens(&text, value), one(&VALUES, rng).as_bytes(), rng),
            8 => {
                let words = tokens(&text, |b, at| name(b, at).or_else(|| quoted(b, at)));
                let of = if words.is_empty() { Vec::new() } else { text[one(&words, rng)].to_vec() };
                put(&text, &words, &of, rng)
            }
            _ => of_encoding(&text, rng),
        };
    }
    text
}

fn of_lines(text: &[u8], rng: &mut PhiloxStream) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|&b| b == b'\n').collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let (a, b) = (rng.random_range(0..lines.len()), rng.random_range(0..lines.len()));
    match rng.random_range(0..5) {
        0 => drop(lines.remove(a)),
        1 => lines.insert(b, lines[a]),
        2 => lines.swap(a, b),
        3 => lines.truncate(a),
        _ => {
            let (from, to) = (a.min(b), (a.min(b) + 3).min(lines.len()));
            drop(lines.drain(from..to));
        }
    }
    lines.concat()
}

fn of_encoding(text: &[u8], rng: &mut PhiloxStream) -> Vec<u8> {
    let at = rng.random_range(0..=text.len());
    let with = |piece: &[u8]| [&text[..at], piece, &text[at..]].concat();
    match rng.random_range(0..8) {
        0 => [b"\xef\xbb\xbf", text].concat(),
        1 => text.iter().flat_map(|&b| if b == b'\n' { vec![b'\r', b'\n'] } else { vec![b] }).collect(),
        2 => with(b"\0"),
        3 => with(&[0xff, 0xfe, 0xc3]),
        4 => with(&b"[".repeat(rng.random_range(1..5000))),
        5 => with(&b"{\"a\":".repeat(rng.random_range(1..5000))),
        6 => with(&b"x".repeat(rng.random_range(1..20_000))),
        _ => text.iter().flat_map(|&b| [b, 0]).collect(), // UTF-16
    }
}

type Span = std::ops::Range<usize>;

/// Places that `find` knows the length of.
fn tokens(text: &[u8], find: impl Fn(&[u8], usize) -> Option<usize>) -> Vec<Span> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        match find(text, at).filter(|&n| n > 0) {
            Some(length) => {
                found.push(at..at + length);
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

fn put(text: &[u8], at: &[Span], new: &[u8], rng: &mut PhiloxStream) -> Vec<u8> {
    if at.is_empty() {
        return text.to_vec();
    }
    let Span { start, end } = one(at, rng);
    [&text[..start], new, &text[end..]].concat()
}

fn run_of(text: &[u8], at: usize, is: impl Fn(u8) -> bool) -> usize {
    text[at..].iter().take_while(|&&b| is(b)).count()
}

fn number(text: &[u8], at: usize) -> Option<usize> {
    let begins = text[at].is_ascii_digit() && (at == 0 || !text[at - 1].is_ascii_alphanumeric() && text[at - 1] != b'_');
    begins.then(|| run_of(text, at, |b| b.is_ascii_digit() || b == b'.' || b == b'e'))
}

fn quoted(text: &[u8], at: usize) -> Option<usize> {
    let inside = (text[at] == b'"').then(|| run_of(text, at + 1, |b| b != b'"' && b != b'\n'))?;
    (text.get(at + 1 + inside) == Some(&b'"')).then_some(inside + 2)
}

fn name(text: &[u8], at: usize) -> Option<usize> {
    let begins = text[at].is_ascii_alphabetic() && (at == 0 || !text[at - 1].is_ascii_alphanumeric() && text[at - 1] != b'_');
    begins.then(|| run_of(text, at, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.' || b == b'-'))
}

/// What stands behind a `=` or a `:`, to the end of the line or to a comma.
fn value(text: &[u8], at: usize) -> Option<usize> {
    (at > 0 && matches!(text[at - 1], b'=' | b':')).then(|| run_of(text, at, |b| b != b'\n' && b != b',' && b != b'}'))
}

/// Values of another kind or size, keys lost, doubled, renamed or exchanged, in a JSON text; now and then changes of it as text.
pub fn of_json(valid: &[u8], rng: &mut PhiloxStream) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(valid).expect("valid JSON");
    if rng.random_range(0..4) == 0 {
        return of_text(&if rng.random() { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.expect("JSON"), rng);
    }
    for _ in 0..changes(rng) {
        let mut places = Vec::new();
        places_in(&value, String::new(), &mut places);
        let (at, other) = (one(&places, rng), one(&places, rng));
        let other = value.pointer(&other).expect("a place").clone();
        let new = match rng.random_range(0..8) {
            0..4 => extreme(rng),
            4 => other,
            _ => altered(value.pointer(&at).expect("a place").clone(), other, rng),
        };
        *value.pointer_mut(&at).expect("a place") = new;
    }
    let text = serde_json::to_vec(&value).expect("JSON");
    match rng.random_range(0..8) {
        // A key that stands twice: what `serde_json` makes of a text has none.
        0 => {
            let keys = tokens(&text, |b, at| quoted(b, at).filter(|n| b.get(at + n) == Some(&b':')));
            if keys.is_empty() { text } else {
                let key = one(&keys, rng);
                let again = [&text[key.clone()], b":", one(&NUMBERS, rng).as_bytes(), b","].concat();
                [&text[..key.start], &again, &text[key.start..]].concat()
            }
        }
        1 => [&text[..], one(&[&b"x"[..], b"{}", b"\0", b" 1", b"]"], rng)].concat(),
        _ => text,
    }
}

fn places_in(value: &Value, here: String, places: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, v)| places_in(v, format!("{here}/{}", key.replace('~', "~0").replace('/', "~1")), places)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, v)| places_in(v, format!("{here}/{i}"), places)),
        _ => {}
    }
    places.push(here);
}

fn extreme(rng: &mut PhiloxStream) -> Value {
    match rng.random_range(0..12) {
        0..6 => serde_json::from_str(one(&NUMBERS, rng)).unwrap_or_else(|_| json!(one(&NUMBERS, rng))),
        6 => json!(one(&WORDS, rng)),
        7 => json!("long".repeat(rng.random_range(1..3000))),
        8 => (0..rng.random_range(1..120)).fold(json!(1), |inner, _| json!([inner])),
        9 => Value::Array(vec![json!(0); rng.random_range(0..2000)]),
        10 => one(&[json!([]), json!({}), json!([[]]), json!({"a": {"a": 1}}), json!([null])], rng),
        _ => one(&[Value::Null, json!(true), json!(false)], rng),
    }
}

fn altered(value: Value, other: Value, rng: &mut PhiloxStream) -> Value {
    match value {
        Value::Object(mut map) if !map.is_empty() => {
            let keys: Vec<String> = map.keys().cloned().collect();
            let (key, second) = (one(&keys, rng), one(&keys, rng));
            match rng.random_range(0..4) {
                0 => drop(map.remove(&key)),
                1 => drop(map.insert(one(&WORDS, rng).to_string(), other)),
                2 => {
                    let moved = map.remove(&key).unwrap_or_default();
                    map.insert(format!("{key}_"), moved);
                }
                _ => {
                    let [a, b] = [map[&key].clone(), map[&second].clone()];
                    map.insert(key, b);
                    map.insert(second, a);
                }
            }
            Value::Object(map)
        }
        Value::Array(mut list) if !list.is_empty() => {
            let (a, b) = (rng.random_range(0..list.len()), rng.random_range(0..list.len()));
            match rng.random_range(0..5) {
                0 => drop(list.remove(a)),
                1 => list.insert(b, list[a].clone()),
                2 => list.swap(a, b),
                3 => list.push(other),
                _ => list.truncate(a),
            }
            Value::Array(list)
        }
        Value::Number(n) => {
            let x = n.as_f64().unwrap_or(0.0);
            one(&[json!(x + 1.0), json!(-x), json!(x * 1e6), json!((x as i64).saturating_sub(1)), json!((x as i64).saturating_mul(2)), json!(x.to_string())], rng)
        }
        _ => other,
    }
}

/// A `.safetensors` file: its length, its header, its bytes.
pub fn of_safetensors(valid: &[u8], rng: &mut PhiloxStream) -> Vec<u8> {
    let length = u64::from_le_bytes(valid[..8].try_into().expect("8 bytes")) as usize;
    let (header, data) = valid[8..].split_at(length);
    match rng.random_range(0..8) {
        0 => of_bytes(valid, valid, rng),
        1 => {
            let length: u64 = one(&NUMBERS, rng).parse().unwrap_or(u64::MAX >> rng.random_range(0..64));
            [&length.to_le_bytes(), &valid[8..]].concat()
        }
        2 => [valid, &vec![0; rng.random_range(1..20)]].concat(),
        _ => {
            let header = of_json(header.trim_ascii_end(), rng);
            let data = &data[..data.len().saturating_sub(if rng.random_range(0..8) == 0 { 4 } else { 0 })];
            [&(header.len() as u64).to_le_bytes(), &header[..], data].concat()
        }
    }
}

/// A `.npy` file: its version, its header, its bytes.
pub fn of_npy(valid: &[u8], rng: &mut PhiloxStream) -> Vec<u8> {
    let length = usize::from(u16::from_le_bytes([valid[8], valid[9]]));
    let (header, data) = valid[10..].split_at(length);
    match rng.random_range(0..6) {
        0 => of_bytes(valid, valid, rng),
        1 => [&valid[..6], &[rng.random_range(0..5), 0], &rng.random::<u16>().to_le_bytes(), &valid[10..]].concat(),
        2 => [valid, &vec![0; rng.random_range(1..20)]].concat(),
        3 => {
            let descr = one(&["<f4", "<f8", ">f4", "|u1", "<u2", "<i8", "<f2", "<c8", "|b1", "<U4", "\u{e9}1", "u1", "<i9", "<i0", "|O"], rng);
            let header = String::from_utf8_lossy(header).replace("|u1", descr).replace("<i8", descr).replace("<f4", descr);
            [&valid[..8], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
        }
        _ => {
            let mut header = of_text(header, rng);
            header.truncate(usize::from(u16::MAX));
            [&valid[..8], &(header.len() as u16).to_le_bytes(), &header, data].concat()
        }
    }
}

/// Random bytes, a few.
pub fn noise(rng: &mut PhiloxStream) -> Vec<u8> {
    (0..rng.random_range(0..200)).map(|_| rng.random()).collect()
}
