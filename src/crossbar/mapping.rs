//! Rows of a layer -> groups of wordlines that are active together.

use crate::config::RowCut;

/// Row groups `[start, end)` of a layer with `layer_rows` rows, in order; every row is in exactly one group.
///
/// `BlockAligned`: groups of `ou_wordlines` rows; a crossbar takes floor(rows / ou_wordlines) of them, so none
/// crosses a border and only the last is short. `Physical`: crossbars are filled to their last row, and the
/// group at each border is short.
pub fn row_groups(layer_rows: usize, crossbar_rows: usize, ou_wordlines: usize, cut: RowCut) -> Vec<[u32; 2]> {
    let per_crossbar = used_wordlines(crossbar_rows, ou_wordlines, cut);
    let mut groups = Vec::new();
    for crossbar in (0..layer_rows).step_by(per_crossbar) {
        let border = (crossbar + per_crossbar).min(layer_rows);
        for start in (crossbar..border).step_by(ou_wordlines) {
            groups.push([start as u32, (start + ou_wordlines).min(border) as u32]);
        }
    }
    groups
}

/// Wordlines of a crossbar that rows are put on.
pub fn used_wordlines(crossbar_rows: usize, ou_wordlines: usize, cut: RowCut) -> usize {
    match cut {
        RowCut::BlockAligned => crossbar_rows / ou_wordlines * ou_wordlines,
        RowCut::Physical => crossbar_rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No row is lost, none is added, no group is too tall: 66 rows at 9 are seven groups of 9 and one of 3.
    #[test]
    fn every_row_once() {
        let groups = row_groups(66, 128, 9, RowCut::BlockAligned);
        assert_eq!(groups.len(), 8);
        assert_eq!(groups[7], [63, 66]);
        for cut in [RowCut::BlockAligned, RowCut::Physical] {
            for rows in 1..400 {
                for ou in [1, 7, 9, 64, 128] {
                    let groups = row_groups(rows, 128, ou, cut);
                    assert_eq!(groups[0][0], 0);
                    assert_eq!(groups[groups.len() - 1][1] as usize, rows);
                    assert!(groups.windows(2).all(|w| w[0][1] == w[1][0]));
                    assert!(groups.iter().all(|g| g[0] < g[1] && (g[1] - g[0]) as usize <= ou));
                }
            }
        }
    }

    #[test]
    fn physical_groups_end_at_the_border() {
        let groups = row_groups(140, 128, 9, RowCut::Physical);
        assert!(groups.contains(&[126, 128]) && groups.contains(&[128, 137]) && groups.contains(&[137, 140]));
        assert!(row_groups(140, 128, 9, RowCut::BlockAligned).contains(&[126, 135]));
    }
}
