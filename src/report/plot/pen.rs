//! The few marks a figure is made of, as primitives of a scene.

use kuva::render::color::Color;
use kuva::render::render::{PathData, Primitive, Scene, TextAnchor};

/// Okabe and Ito (2008): told apart with every common colour vision.
const PALETTE: [&str; 7] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];
/// Marker shapes repeat the information for black and white print; their number and that of the colours
/// share no divisor.
const SHAPES: usize = 4;
/// Text and axes.
pub const INK: &str = "#222222";
/// What explains.
pub const MUTED: &str = "#666666";
/// Lines to read values by.
pub const GRID: &str = "#E4E4E4";
const FONT: &str = "DejaVu Sans, Verdana, Arial, sans-serif";

/// Mean advance of a glyph over its size: enough to reserve room with.
const GLYPH: f64 = 0.6;

/// The colour of line `i`.
pub fn color(i: usize) -> &'static str {
    PALETTE[i % PALETTE.len()]
}

/// Width to reserve for a text.
pub fn text_width(text: &str, size: u32) -> f64 {
    text.chars().count() as f64 * size as f64 * GLYPH
}

/// Draws on a scene.
pub struct Pen {
    /// What has been drawn.
    pub scene: Scene,
}

impl Pen {
    /// An empty figure of that size.
    pub fn new(width: f64, height: f64) -> Self {
        let mut scene = Scene::new(width, height);
        scene.font_family = Some(FONT.to_string());
        Pen { scene }
    }

    /// Text whose `anchor` end stands at (x, y), on the base line.
    pub fn text(&mut self, x: f64, y: f64, text: &str, size: u32, color: &str, anchor: TextAnchor) {
        self.turned(x, y, text, size, color, anchor, None);
    }

    /// Text in the middle of its place, reading upwards.
    pub fn text_upwards(&mut self, x: f64, y: f64, text: &str, size: u32, color: &str) {
        self.turned(x, y, text, size, color, TextAnchor::Middle, Some(-90.0));
    }

    fn turned(&mut self, x: f64, y: f64, text: &str, size: u32, ink: &str, anchor: TextAnchor, rotate: Option<f64>) {
        // A dollar sign would start mathematics.
        let content = text.replace('$', "\\$");
        let color = Some(Color::from(ink));
        self.scene.add(Primitive::Text { x, y, content, size, anchor, rotate, bold: false, color });
    }

    /// A line through points.
    pub fn stroke(&mut self, points: &[(f64, f64)], color: &str, width: f64) {
        self.scene.add(Primitive::PolyLine {
            points: points.to_vec(),
            stroke: Color::from(color),
            stroke_width: width,
            stroke_dasharray: None,
        });
    }

    /// A dashed line through points. Dashes are drawn one by one: the library's own have another length
    /// in pixels than in SVG.
    pub fn dashes(&mut self, points: &[(f64, f64)]) {
        const ON: f64 = 6.0;
        const PERIOD: f64 = 10.0;
        for ends in points.windows(2) {
            let ((x, y), (dx, dy)) = (ends[0], (ends[1].0 - ends[0].0, ends[1].1 - ends[0].1));
            let length = (dx * dx + dy * dy).sqrt();
            for i in 0..(length / PERIOD).ceil() as usize {
                let at = |along: f64| (x + dx * along.min(length) / length, y + dy * along.min(length) / length);
                let start = i as f64 * PERIOD;
                self.stroke(&[at(start), at(start + ON)], INK, 1.2);
            }
        }
    }

    /// A filled polygon, with a white edge of width `edge`.
    pub fn area(&mut self, corners: &[(f64, f64)], color: &str, opacity: Option<f64>, edge: Option<f64>) {
        let at: Vec<String> = corners.iter().map(|(x, y)| format!("{x:.2} {y:.2}")).collect();
        self.scene.add(Primitive::Path(Box::new(PathData {
            d: format!("M {} Z", at.join(" L ")),
            fill: Some(Color::from(color)),
            stroke: edge.map_or(Color::None, |_| Color::from("#ffffff")),
            stroke_width: edge.unwrap_or(0.0),
            opacity,
            stroke_dasharray: None,
        })));
    }

    /// The marker of line `i`.
    pub fn marker(&mut self, i: usize, x: f64, y: f64) {
        self.shape(i, x, y, None);
    }

    /// The same, but pale: a point of less weight.
    pub fn pale_marker(&mut self, i: usize, x: f64, y: f64) {
        self.shape(i, x, y, Some(0.3));
    }

    fn shape(&mut self, i: usize, x: f64, y: f64, opacity: Option<f64>) {
        let corners: &[(f64, f64)] = match i % SHAPES {
            0 => {
                return self.scene.add(Primitive::Circle {
                    cx: x,
                    cy: y,
                    r: 4.2,
                    fill: Color::from(color(i)),
                    fill_opacity: opacity,
                    stroke: Some(Color::from("#ffffff")),
                    stroke_width: Some(0.8),
                });
            }
            1 => &[(-3.8, -3.8), (3.8, -3.8), (3.8, 3.8), (-3.8, 3.8)],
            2 => &[(0.0, -5.0), (4.8, 3.6), (-4.8, 3.6)],
            _ => &[(0.0, -5.2), (5.2, 0.0), (0.0, 5.2), (-5.2, 0.0)],
        };
        let corners: Vec<_> = corners.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        self.area(&corners, color(i), opacity, Some(0.8));
    }
}
