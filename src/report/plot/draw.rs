//! A figure as a scene: bands, lines, markers, legend.

use super::axes::{Axes, HEIGHT, LEFT, WIDTH};
use super::pen::{INK, MUTED, Pen, color, text_width};
use super::select::{Figure, Line, Point, numeric};
use kuva::render::render::{Scene, TextAnchor};

/// Room below the plot area: ticks and the axis' name.
const BELOW: f64 = 62.0;
const LEGEND_LINE: f64 = 20.0;
const LEGEND_TEXT: u32 = 11;

/// Draws a figure.
pub fn scene(figure: &Figure) -> Scene {
    let legend = legend(figure);
    let widest = legend.iter().map(|(text, _)| text_width(text, LEGEND_TEXT)).fold(0.0, f64::max);
    let top = if figure.title.is_empty() { 40.0 } else { 60.0 };
    let below = (legend.len() as f64 * LEGEND_LINE - HEIGHT).max(BELOW);
    let mut pen = Pen::new(LEFT + WIDTH + 50.0 + widest, top + HEIGHT + below);
    let middle = LEFT + WIDTH / 2.0;
    let title_size = if text_width(&figure.title, 14) > 1.3 * WIDTH { 10 } else { 14 };
    pen.text(middle, 26.0, &figure.title, title_size, INK, TextAnchor::Middle);
    pen.text(middle, top - 12.0, &figure.subtitle, 11, MUTED, TextAnchor::Middle);

    let axes = Axes::new(figure, top);
    axes.draw(figure, &mut pen);
    let series: Vec<Series> = (0..figure.lines.len()).map(|i| Series::new(figure, i, &axes)).collect();
    // Bands, lines, reference, markers: what is large does not hide what is small.
    for series in &series {
        series.spread(&mut pen);
    }
    for series in series.iter().filter(|s| s.joined) {
        pen.stroke(&series.mean, color(series.index), 1.8);
    }
    reference(figure, &axes, &mut pen);
    for series in &series {
        for &(x, y) in &series.mean {
            pen.marker(series.index, x, y);
        }
    }
    let left = LEFT + WIDTH + 16.0;
    let joined = series.iter().any(|s| s.joined);
    for (i, (text, key)) in legend.iter().enumerate() {
        let y = top + 10.0 + i as f64 * LEGEND_LINE;
        key.draw(&mut pen, left, y, joined);
        pen.text(left + 34.0, y + 4.0, text, LEGEND_TEXT, INK, TextAnchor::Start);
    }
    pen.scene
}

/// The quantised network: across the whole figure where it is one number.
fn reference(figure: &Figure, axes: &Axes, pen: &mut Pen) {
    let mut points: Vec<(f64, f64)> = figure.quantised.iter().map(|&(i, q)| (axes.x[i], axes.y(q))).collect();
    let first = points[0].1;
    if points.iter().all(|p| p.1 == first) {
        points = vec![(LEFT, first), (LEFT + WIDTH, first)];
    }
    pen.dashes(&points);
}

/// A line of the figure in units of the figure.
struct Series {
    index: usize,
    /// Points joined, with a band; else points beside each other, with bars.
    joined: bool,
    mean: Vec<(f64, f64)>,
    p5: Vec<(f64, f64)>,
    p95: Vec<(f64, f64)>,
}

impl Series {
    fn new(figure: &Figure, index: usize, axes: &Axes) -> Self {
        let line: &Line = &figure.lines[index];
        // Words alone have no order, and a single point has no neighbour: nothing to join.
        let numbers = figure.x_values.iter().filter(|v| numeric(v).is_some()).count();
        let joined = numbers > 1 && line.points.len() > 1;
        let beside = if joined { 0.0 } else { 9.0 * (index as f64 - (figure.lines.len() as f64 - 1.0) / 2.0) };
        let places = |value: fn(&Point) -> f64| {
            line.points.iter().map(|p| (axes.x[p.x] + beside, axes.y(value(p)))).collect::<Vec<_>>()
        };
        Series { index, joined, mean: places(|p| p.mean), p5: places(|p| p.p5), p95: places(|p| p.p95) }
    }

    fn spread(&self, pen: &mut Pen) {
        if self.joined {
            let corners: Vec<_> = self.p5.iter().chain(self.p95.iter().rev()).copied().collect();
            pen.area(&corners, color(self.index), Some(0.18), None);
        } else {
            for (&lower, &upper) in self.p5.iter().zip(&self.p95) {
                pen.stroke(&[lower, upper], color(self.index), 2.0);
            }
        }
    }
}

/// What stands before a legend's text.
enum Key {
    Reference,
    Line(usize),
    Spread,
}

fn legend(figure: &Figure) -> Vec<(String, Key)> {
    let mut entries = vec![("quantised, no crossbar".to_string(), Key::Reference)];
    entries.extend(figure.lines.iter().enumerate().map(|(i, l)| (l.label.clone(), Key::Line(i))));
    entries.push(("5th to 95th percentile".to_string(), Key::Spread));
    entries
}

impl Key {
    fn draw(&self, pen: &mut Pen, x: f64, y: f64, joined: bool) {
        let bar = [(x, y), (x + 26.0, y)];
        match *self {
            Key::Reference => pen.dashes(&bar),
            Key::Line(i) => {
                if joined {
                    pen.stroke(&bar, color(i), 1.8);
                }
                pen.marker(i, x + 13.0, y);
            }
            Key::Spread if joined => {
                let corners = [(x, y - 5.0), (x + 26.0, y - 5.0), (x + 26.0, y + 5.0), (x, y + 5.0)];
                pen.area(&corners, MUTED, Some(0.25), None);
            }
            Key::Spread => pen.stroke(&[(x + 13.0, y - 7.0), (x + 13.0, y + 7.0)], MUTED, 2.0),
        }
    }
}
