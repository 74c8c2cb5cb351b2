//! Bits of the weight blocks: a heat map for each layer (the paper's Fig. 7) and how many blocks have how many bits (its Fig. 8).

use super::pen::{INK, MUTED, Pen};
use crate::error::Result;
use crate::quantize::PrecisionMap;
use kuva::render::render::{Scene, TextAnchor};
use std::path::{Path, PathBuf};

/// Colours of 0 to 8 bits: grey, then ColorBrewer's YlGnBu, light to dark.
const COLORS: [&str; 9] = ["#EDEDED", "#FFFFCC", "#D6EFB3", "#A9DDB7", "#73C9BD", "#40B0C3", "#2A8EBA", "#225EA8", "#081D58"];
/// Side of a block's square.
const CELL: f64 = 7.0;
/// Most blocks of a layer along a side; where it has more, a square stands for several and shows their mean.
const MOST: usize = 64;
const PAGE: f64 = 980.0;
const GAP: f64 = 22.0;

/// Draws `bits_per_block` and `block_bits`, as SVG and PNG; returns the files.
///
/// # Errors
/// What cannot be written.
pub fn draw(out: &Path, map: &PrecisionMap) -> Result<Vec<PathBuf>> {
    let mut files = super::save(out, "bits_per_block", &heat_maps(map))?;
    files.extend(super::save(out, "block_bits", &histogram(map))?);
    Ok(files)
}

/// Bits of a layer at a size that can be drawn, `[row][column]`.
fn shrunk(bits: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let columns = bits.first().map_or(0, Vec::len);
    let [tall, wide] = [bits.len().div_ceil(MOST).max(1), columns.div_ceil(MOST).max(1)];
    let mean = |rows: &[Vec<u8>], first: usize| {
        let all: Vec<f64> = rows.iter().flat_map(|r| r[first..columns.min(first + wide)].iter().map(|&b| f64::from(b))).collect();
        (all.iter().sum::<f64>() / all.len() as f64).round() as u8
    };
    bits.chunks(tall).map(|rows| (0..columns).step_by(wide).map(|first| mean(rows, first)).collect()).collect()
}

fn heat_maps(map: &PrecisionMap) -> Scene {
    let (layers, block) = (&map.layers, map.block);
    let maps: Vec<Vec<Vec<u8>>> = layers.values().map(|bits| shrunk(bits)).collect();
    let width = |map: &[Vec<u8>], name: &str| (map.first().map_or(0, Vec::len) as f64 * CELL).max(super::pen::text_width(name, 9));
    // Panels from left to right, in as many lines as it takes.
    let (mut places, mut x, mut y, mut tallest) = (Vec::new(), GAP, 84.0, 0.0f64);
    for (map, layer) in maps.iter().zip(layers.keys()) {
        let wide = width(map, layer);
        if x + wide > PAGE && x > GAP {
            (x, y, tallest) = (GAP, y + tallest + 3.0 * GAP, 0.0);
        }
        places.push((x, y));
        x += wide + GAP;
        tallest = tallest.max(map.len() as f64 * CELL);
    }
    let mut pen = Pen::new(PAGE + GAP, y + tallest + 2.0 * GAP);
    pen.text(PAGE / 2.0, 24.0, &format!("magnitude bits of each weight block of {} x {}: rows downwards, columns to the right", block[0], block[1]), 13, INK, TextAnchor::Middle);
    legend(&mut pen, PAGE / 2.0 - 9.0 * 15.0, 38.0);
    for ((map, layer), &(x, y)) in maps.iter().zip(layers.keys()).zip(&places) {
        pen.text(x, y - 6.0, layer, 9, MUTED, TextAnchor::Start);
        for (i, row) in map.iter().enumerate() {
            let mut first = 0;
            // Neighbours of the same bits are one rectangle.
            for run in row.chunk_by(|a, b| a == b) {
                rectangle(&mut pen, [x + first as f64 * CELL, y + i as f64 * CELL], [run.len() as f64 * CELL, CELL], COLORS[usize::from(run[0].min(8))]);
                first += run.len();
            }
        }
    }
    pen.scene
}

fn legend(pen: &mut Pen, x: f64, y: f64) {
    for (bits, color) in COLORS.into_iter().enumerate() {
        let x = x + 30.0 * bits as f64;
        rectangle(pen, [x, y], [14.0, 12.0], color);
        pen.text(x + 18.0, y + 10.0, &bits.to_string(), 10, INK, TextAnchor::Start);
    }
}

fn histogram(map: &PrecisionMap) -> Scene {
    const LEFT: f64 = 60.0;
    const TOP: f64 = 50.0;
    const HEIGHT: f64 = 220.0;
    const BAR: f64 = 44.0;
    let mut counts = [0u64; 9];
    map.layers.values().flatten().flatten().for_each(|&b| counts[usize::from(b.min(8))] += 1);
    let all = counts.iter().sum::<u64>().max(1) as f64;
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f64;
    let mut pen = Pen::new(LEFT + BAR * 9.0 + 40.0, TOP + HEIGHT + 60.0);
    pen.text(LEFT + BAR * 4.5, 24.0, &format!("{all} weight blocks of {} x {}", map.block[0], map.block[1]), 13, INK, TextAnchor::Middle);
    for (bits, &count) in counts.iter().enumerate() {
        let (x, height) = (LEFT + BAR * bits as f64, HEIGHT * count as f64 / most);
        rectangle(&mut pen, [x + 5.0, TOP + HEIGHT - height], [BAR - 10.0, height], COLORS[bits]);
        pen.text(x + BAR / 2.0, TOP + HEIGHT - height - 5.0, &format!("{:.1}", 100.0 * count as f64 / all), 10, INK, TextAnchor::Middle);
        pen.text(x + BAR / 2.0, TOP + HEIGHT + 18.0, &bits.to_string(), 12, INK, TextAnchor::Middle);
    }
    pen.stroke(&[(LEFT, TOP + HEIGHT), (LEFT + BAR * 9.0, TOP + HEIGHT)], INK, 1.0);
    pen.text(LEFT + BAR * 4.5, TOP + HEIGHT + 42.0, "magnitude bits of a block", 13, INK, TextAnchor::Middle);
    pen.text_upwards(24.0, TOP + HEIGHT / 2.0, "share of blocks (%)", 13, INK);
    pen.scene
}

fn rectangle(pen: &mut Pen, [x, y]: [f64; 2], [width, height]: [f64; 2], color: &str) {
    pen.area(&[(x, y), (x + width, y), (x + width, y + height), (x, y + height)], color, None, Some(0.5));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_maps_shrink_to_means() {
        assert_eq!(shrunk(&[vec![1, 2], vec![3, 4]]), [[1, 2], [3, 4]]);
        let large = vec![vec![2u8; 100]; 65];
        assert_eq!((shrunk(&large).len(), shrunk(&large)[0].len()), (33, 50));
        assert!(shrunk(&large).iter().flatten().all(|&b| b == 2));
    }
}
