//! The reference page of `bwq cost`, made from the keys, the designs and the bundled networks.

use super::keys::KEYS;
use crate::cost::components::{BAND, ComponentSet, FILES};
use crate::cost::count::Counts;
use crate::cost::designs::DESIGNS;
use crate::cost::zoo::ZOO;
use crate::error::Result;
use std::fmt::Write;

const RULES: &str = "\
## How things are counted

All counts are integers, for one image.

- `crossbars`, `cycles_sequential`: a layer's matrix has a row per input of a position, in the order (cin, kh, kw), kw fastest, and
  `outputs` columns. **block-aligned**: a crossbar has floor(rows / ou_wordlines) whole rows of OUs (128 rows: 14 of 9).
  **physical**: crossbars are filled to their last row, where a row of OUs is short (128 rows: 15, the last of 2 rows).
- Columns: **conventional**: outputs x cells of a weight side by side, cut at the crossbar's border, OUs laid into each piece.
  **weight-within-ou**: an OU takes whole weights until the next does not fit. **precision-aware**: each block of `ou_bitlines` outputs
  takes an OU for each cell of its weights, and a crossbar has floor(cols / ou_bitlines) of them. Cells of a weight =
  ceil(bits / cell_bits). BWQ-H and BSQ are precision-aware, but conventional where the cut is physical and every layer has one
  number of bits: the OU grid then lies on the bare matrix of bits.
- `ou_activations` = positions x input steps x OUs, input steps = ceil(activation_bits / dac_bits); where an OU is a whole crossbar
  (ISAAC), reads of crossbars. `adc_conversions` = OU activations x ou_bitlines, unused columns included; `adc_conversions_used`
  without them. An OU activation is one cycle of its crossbar; a layer's cycles are those of its fullest crossbar, and layers are summed.
- `blocks`, `table_bits`, `table_reads`: an entry for each block, blocks of 0 bits included, which cost nothing else. An entry has
  4 bits (0 to 8), or as many as weight_bits needs; it is read at every input step, or once for a position.
- A block whose shape is not an OU's: an OU holds the most bits of any block that it has a share in.
- `signs`: *not-counted* as the paper counts; *paired-analog* leaves half the columns to weights; *paired-digital* takes twice the cells;
  *offset-column* leaves one column of each crossbar to the offset, which is converted once with each row of OUs.
- `groups` (grouped and depthwise convolutions): *diagonal* puts as many groups along the diagonal of an OU as fit, each on rows and
  columns of its own; *own-rows* one; *dense* lays out a full convolution with zeros, of which a table skips the empty blocks. But for
  *dense*, a crossbar takes as many of these matrices as fit above and beside each other, each from a new row of OUs.
- `bit_planes`: *in-turn*: the bits of a weight lie in the same crossbars, whose OUs are read one after another, so time goes with weight
  bits x activation bits. *in-parallel*: each slice of cells lies in crossbars of its own, read at the same time, so time goes with
  activation bits; their sums are added like those of crossbars below each other. OU activations are about the same.
- Rows of zeros (SRE, SME): in each crossbar, SRE leaves out the rows of a column of OUs whose cells are all zero, SME those of the whole
  crossbar, and the rest is laid into OUs from the top; an entry of the index is the number of a row that is left, ceil(log2 rows) bits. A
  network with weights is counted: magnitudes of weight_bits bits; for SME then the nearest of at most 3 consecutive bits. Without
  weights one row in `row_compression` is left. SRE reads no OU whose inputs are all zero in a step: counted at 64 positions of each of the
  first 8 images, over the range that a layer's inputs have there; without images the share is `zero_input_frac`.
- `packing = \"shared\"`: the OUs of all layers lie one after another; a layer is charged the crossbars that it is the first to use.
- `arrays`, `area_mm2` (iso-array, iso-area): the copies of each layer that make the pipeline's interval smallest within so many crossbars, or as many
  as fit into the area, and no more copies than that.
  Copies share out positions. The pipeline's fill: each layer waits until the one before has delivered the lines of its first window.
- Residual adds, pooling, activations, copies of concatenations and batch norms that cannot be folded are counted in values, on the
  layer that they follow.
- A made-up map (`precision_map = \"synthetic\"`): bits of blocks follow the binomial law of weight_bits (8 at most) trials with the mean
  asked for, in every layer alike, by quantiles, shuffled by the seed; layer-wise (BSQ) whole bits about the mean, the fewer for the largest layers.
";

/// The page.
///
/// # Errors
/// None that a user could cause.
pub fn markdown() -> Result<String> {
    let mut out = String::from(
        "# The cost of a network on hardware\n\nMade from the program's tables. `bwq cost [COST.toml]` reads a file of one section, `[cost]`, of single values; `network` and `design` may be lists: every network is counted on every design, and \
         compared with the first design; what a key says is then for the designs that it has a meaning for. Every key may be \
         left out, `--set cost.key=value` sets one from the command line, and the most used have options of their own (`bwq cost --help`). \
         Without a file it counts the network inside the program on BWQ-H. `--json` prints all of it for a program, `--out DIR` writes the tables of docs/csv.md.\n\n\
         In the JSON, `total` and each of `layers` have ",
    );
    let names: Vec<String> = Counts::NAMES.iter().map(|n| format!("`{n}`")).collect();
    let _ = write!(out, "{}; `pipeline` has the copies; `prices` has a component set each; `assumptions` names everything that the figures rest on.\n\n", names.join(", "));
    out.push_str("## Keys of `[cost]`\n\n\"design\" is the value that the design has, in the table below.\n\n| key | values | default | meaning |\n|---|---|---|---|\n");
    for key in KEYS {
        let slip = if key.slip.is_empty() { String::new() } else { format!("; {}", key.slip) };
        let _ = writeln!(out, "| `{}` | {} | `{}` | {}{slip} |", key.name(), key.allowed(), key.default, key.meaning);
    }
    out.push_str("\n## Designs\n\n| design | what |\n|---|---|\n");
    for design in DESIGNS {
        let _ = writeln!(out, "| `{}` | {} |", design.name, design.title);
    }
    for design in DESIGNS {
        let settings: Vec<String> = crate::cost::scheme::Scheme::of(design, false).settings().into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let _ = write!(out, "\n**{}**: {}.\n\n", design.name, settings.join(", "));
        for (what, lines) in [("measured on weights", design.measured), ("from a paper", design.published), ("assumed", design.assumed)] {
            lines.iter().for_each(|line| { let _ = writeln!(out, "- {what}: {line}"); });
        }
        if let Some((bits, why)) = design.adc {
            let _ = writeln!(out, "- {bits} ADC bits, fewer than lossless: {why}");
        }
    }
    let _ = write!(out, "\n{RULES}\n## Component sets\n\n`components = \"band\"` prices under {}.\n\n| set | what |\n|---|---|\n", BAND.map(|b| format!("`{b}`")).join(", "));
    for file in FILES {
        let _ = writeln!(out, "| `{}` | {} |", file.name, ComponentSet::named(file.name)?.title);
    }
    out.push_str("\n## Bundled networks\n\nLayer tables made from rules. Bits are 32 / compression of the paper's Table II, which made-up maps take as their mean.\n\n| network | what | parameters | weights | M MAC | bits BWQ | bits BSQ | activation bits BWQ, BSQ |\n|---|---|---|---|---|---|---|---|\n");
    for bundled in ZOO {
        let shape = bundled.shape()?;
        let bits = bundled.published.map_or([String::new(), String::new()], |p| [p.bwq_compression, p.bsq_compression].map(|c| format!("{:.3}", 32.0 / c)));
        let activations = bundled.published.map_or(String::new(), |p| format!("{}, {}", p.bwq_activation_bits, p.bsq_activation_bits));
        let _ = writeln!(out, "| `{}` | {} | {} | {} | {:.1} | {} | {} | {activations} |", bundled.name, bundled.title, shape.parameters(), shape.weights(), shape.macs() as f64 * 1e-6, bits[0], bits[1]);
    }
    Ok(out)
}
