//! Cells on plain wires: their conductances replaced by effective ones, array by array, before planes are subtracted.

use super::simd::multiversion;
use crate::crossbar::wires::plain::PlainArray;
use crate::crossbar::{CrossbarLayer, Wires};
use rayon::prelude::*;

/// The bitlines of one crossbar that have cells, from the drivers on.
struct Bitlines {
    /// Their columns of cells.
    columns: Vec<usize>,
    /// Resistance of the wordlines' segments before each.
    segments: Vec<f64>,
}

/// Replaces `cells`, `[row][column of cells]` in units of 2^-F of g_on, by what reaches the columns' ends, rounded.
pub fn make_effective(layer: &CrossbarLayer, wires: &Wires, cells: &mut [i32]) {
    let stride = layer.programmed_columns();
    let crossbars = crossbars(layer, wires);
    let mut groups = Vec::with_capacity(layer.groups.len());
    let mut rest = cells;
    for &rows in &layer.groups {
        let (group, after) = rest.split_at_mut((rows[1] - rows[0]) as usize * stride);
        groups.push((rows, group));
        rest = after;
    }
    groups.into_par_iter().for_each_init(PlainArray::default, |array, (rows, cells)| {
        let height = (rows[1] - rows[0]) as usize;
        let mut column_segments = vec![wires.segment; height];
        column_segments[height - 1] *= layer.layout.segments_below(rows) as f64;
        for bitlines in &crossbars {
            array.load(&bitlines.segments, &column_segments, |row, i| f64::from(cells[row * stride + bitlines.columns[i]]));
            solve(array);
            for (row, cells) in cells.chunks_exact_mut(stride).enumerate() {
                for (i, &column) in bitlines.columns.iter().enumerate() {
                    cells[column] = array.effective(row, i).round_ties_even() as i32;
                }
            }
        }
    });
}

multiversion! {
    /// Solves a loaded array.
    pub fn solve(array: &mut PlainArray) = solve_inlined
}

#[inline(always)]
fn solve_inlined(array: &mut PlainArray) {
    array.solve();
}

/// The bitlines of every crossbar along a wordline.
fn crossbars(layer: &CrossbarLayer, wires: &Wires) -> Vec<Bitlines> {
    let planes = &layer.planes;
    let places = (0..planes.programmed).flat_map(|plane| (0..planes.slices).flat_map(move |slice| (0..layer.columns).map(move |column| (plane, slice, column))));
    let mut lines: Vec<_> = places.map(|(plane, slice, column)| (layer.layout.array_bitline(plane, slice, column), layer.converted_column(plane, slice, column))).collect();
    lines.sort_unstable_by_key(|(at, _)| (at.crossbar, at.line));
    let of_crossbar = |lines: &[(crate::crossbar::layout::Line, usize)]| {
        let befores = std::iter::once(0).chain(lines.iter().map(|(at, _)| at.line + 1));
        let gaps = lines.iter().zip(befores).map(|((at, _), before)| at.line + 1 - before);
        Bitlines { columns: lines.iter().map(|(_, column)| *column).collect(), segments: gaps.map(|gap| gap as f64 * wires.segment).collect() }
    };
    lines.chunk_by(|(a, _), (b, _)| a.crossbar == b.crossbar).map(of_crossbar).collect()
}
