//! The plot area: where values stand, ticks and labels.

use super::pen::{GRID, INK, Pen, text_width};
use super::select::{Figure, numeric};
use kuva::render::render::TextAnchor;

/// Left end of the plot area, in units of the figure (1/96 inch).
pub const LEFT: f64 = 72.0;
/// Width of the plot area.
pub const WIDTH: f64 = 420.0;
/// Height of the plot area.
pub const HEIGHT: f64 = 280.0;

/// Where a figure's values stand.
pub struct Axes {
    /// Upper end of the plot area.
    top: f64,
    /// Lower and upper end of the vertical axis, in %.
    range: (f64, f64),
    /// Horizontal place of each value of the axis.
    pub x: Vec<f64>,
}

impl Axes {
    /// Axes that hold all of the figure.
    pub fn new(figure: &Figure, top: f64) -> Self {
        Axes { top, range: y_range(figure), x: x_positions(figure) }
    }

    /// Vertical place of an accuracy.
    pub fn y(&self, frac: f64) -> f64 {
        let (lo, hi) = self.range;
        self.top + HEIGHT * (hi - 100.0 * frac) / (hi - lo)
    }

    /// Grid, axes, ticks and labels.
    pub fn draw(&self, figure: &Figure, pen: &mut Pen) {
        let (bottom, right) = (self.top + HEIGHT, LEFT + WIDTH);
        let (lo, hi) = self.range;
        let (step, decimals) = y_step(self.range);
        let ticks = (lo / step).ceil() as i64..=(hi.min(100.0) / step).floor() as i64;
        for percent in ticks.map(|i| i as f64 * step).filter(|p| *p >= 0.0) {
            let y = self.y(percent / 100.0);
            pen.stroke(&[(LEFT, y), (right, y)], GRID, 0.8);
            pen.stroke(&[(LEFT - 5.0, y), (LEFT, y)], INK, 1.0);
            pen.text(LEFT - 9.0, y + 4.0, &format!("{percent:.decimals$}"), 12, INK, TextAnchor::End);
        }
        let mut free = 0.0;
        for (value, &at) in figure.x_values.iter().zip(&self.x) {
            pen.stroke(&[(at, bottom), (at, bottom + 5.0)], INK, 1.0);
            let value = if value.is_empty() { "none" } else { value };
            let half = text_width(value, 12) / 2.0;
            // A label that would touch the one before is left out; its tick stays.
            if at - half >= free {
                pen.text(at, bottom + 19.0, value, 12, INK, TextAnchor::Middle);
                free = at + half + 3.0;
            }
        }
        pen.stroke(&[(LEFT, self.top), (LEFT, bottom), (right, bottom)], INK, 1.0);
        pen.text(LEFT + WIDTH / 2.0, bottom + 44.0, &x_label(&figure.x_column), 13, INK, TextAnchor::Middle);
        pen.text_upwards(22.0, self.top + HEIGHT / 2.0, "top-1 accuracy (%)", 13, INK);
    }
}

/// Where the axis' values stand, from the left end of the figure: at equal ratios for counts that span
/// more than a factor of 5, at equal differences for other numbers, side by side where words are among
/// them.
fn x_positions(figure: &Figure) -> Vec<f64> {
    let numbers: Option<Vec<f64>> = figure.x_values.iter().map(|v| numeric(v)).collect();
    let at: Vec<f64> = match numbers {
        Some(v) if v[0] > 0.0 && v[v.len() - 1] > 5.0 * v[0] && !figure.x_column.ends_with("_bits") => {
            v.into_iter().map(libm::log2).collect()
        }
        Some(v) => v,
        None => (0..figure.x_values.len()).map(|i| i as f64).collect(),
    };
    let (first, span) = (at[0], at[at.len() - 1] - at[0]);
    let share = |v: f64| if span > 0.0 { 0.07 + 0.86 * (v - first) / span } else { 0.5 };
    at.into_iter().map(|v| LEFT + WIDTH * share(v)).collect()
}

/// Range of the vertical axis in %, with some air above and below what is drawn.
fn y_range(figure: &Figure) -> (f64, f64) {
    let points = figure.lines.iter().flat_map(|l| &l.points).flat_map(|p| [p.mean, p.p5, p.p95]);
    let all = points.chain(figure.quantised.iter().map(|q| q.1));
    let (lo, hi) = all.fold((f64::MAX, f64::MIN), |(lo, hi), v| (v.min(lo), v.max(hi)));
    let air = (0.06 * (hi - lo)).max(0.002);
    (100.0 * (lo - air), 100.0 * (hi + air))
}

/// Step of the vertical ticks: the smallest of 1, 2, 5 times a power of ten that gives at most 10.
fn y_step((lo, hi): (f64, f64)) -> (f64, usize) {
    let steps = [(0.1, 1), (0.2, 1), (0.5, 1), (1.0, 0), (2.0, 0), (5.0, 0), (10.0, 0)];
    steps.into_iter().find(|(step, _)| (hi - lo) / step <= 10.0).unwrap_or((20.0, 0))
}

/// What a column is, for people, with its unit and its name.
fn x_label(column: &str) -> String {
    match column {
        "ou_wordlines" => "active wordlines per operation unit (ou_wordlines)".to_string(),
        "sigma_ln" => "programming error, sigma of ln conductance (sigma_ln)".to_string(),
        "sigma_rel" => "programming error, relative sigma (sigma_rel)".to_string(),
        "adc_bits" => "ADC resolution in bits (adc_bits)".to_string(),
        other => other.to_string(),
    }
}
