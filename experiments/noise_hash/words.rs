//! Words of read noise on stdout, without end, little endian: `words ORDER`. What TestU01 reads.
//!
//! The engine goes through columns first, then input steps, row groups, positions and images. The other orders let the
//! place that is named run first: neighbours in every direction must look random.

use bwq::rng::{Reads, column_code};
use std::io::Write;

/// How far each place runs: images, positions, groups, steps, columns (a layer of 576 x 64 on 32 x 32 positions).
const ENDS: [u32; 5] = [1 << 20, 1024, 64, 8, 448];
const PLACES: [&str; 5] = ["images", "positions", "groups", "steps", "columns"];

fn main() {
    let order = std::env::args().nth(1).unwrap_or_else(|| "columns".into());
    let reversed = std::env::args().nth(2).is_some_and(|bits| bits == "reversed");
    let Some(first) = PLACES.iter().position(|p| *p == order) else {
        eprintln!("words ORDER [reversed], where ORDER is one of {}", PLACES.join(", "));
        std::process::exit(2);
    };
    // The fastest place first; the others follow in the engine's order.
    let mut places = vec![first];
    places.extend((0..5).rev().filter(|p| *p != first));
    // The place that runs first runs on until the words are many, where there are as many.
    let end = |place: usize| ENDS[place];
    let reads = Reads::new(20, 1, 2);
    let mut at = [0u32; 5];
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    loop {
        let stream = reads.stream(at[0], at[1]);
        let mut keys = stream.keys(at[2], at[3]);
        for _ in 0..end(first) {
            if first < 2 {
                keys = reads.stream(at[0], at[1]).keys(at[2], at[3]);
            } else if first < 4 {
                keys = stream.keys(at[2], at[3]);
            }
            let word = keys.word(column_code(at[4] % 64 << 5 | at[4] / 64));
            let word = if reversed { word.reverse_bits() } else { word };
            if out.write_all(&word.to_le_bytes()).is_err() {
                return; // the reader has enough
            }
            at[first] += 1;
        }
        at[first] = 0;
        for &place in &places[1..] {
            at[place] += 1;
            if at[place] < end(place) {
                break;
            }
            at[place] = 0;
        }
    }
}
