//! A figure of the page as inline SVG: marks that say what they are, on axes. Colours are the style sheet's, so that they follow
//! the reader's light or dark choice; each mark holds its text as `<title>`, which browsers show without any script.

use super::html::escape;
use super::numbers::significant;

/// Size of the picture, in units that are pixels where it is shown at its own width.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 310.0;
/// Margins around the plot area: left, right, top, bottom.
const MARGIN: [f64; 4] = [58.0, 12.0, 12.0, 52.0];
/// Colours of the style sheet; those of `plot::pen` with twins for dark screens.
const COLOURS: usize = 7;
/// Shapes repeat what colours say.
const SHAPES: usize = 4;

/// One figure.
#[derive(Default)]
pub struct Chart {
    /// Id in the page, and class of the figure.
    pub id: String,
    /// What it shows, in a few words.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// What the horizontal axis is.
    pub x_label: String,
    /// Ticks of the horizontal axis: place (0 to 1) and text.
    pub x_ticks: Vec<(f64, String)>,
    /// What the vertical axis is.
    pub y_label: String,
    /// Whether values are decimal logarithms of factors, which the vertical axis then says: 0.1, 1, 10.
    pub y_factors: bool,
    /// Ends of the vertical axis; none: as wide as what is drawn.
    pub y_range: Option<(f64, f64)>,
    /// What is drawn, told apart by colour and shape.
    pub series: Vec<Series>,
    /// A line to compare with: what it is, and its points.
    pub reference: Option<(String, Vec<(f64, f64)>)>,
}

/// Marks that belong together.
pub struct Series {
    /// For the legend.
    pub label: String,
    /// Whether a line joins them.
    pub joined: bool,
    /// The marks.
    pub marks: Vec<Mark>,
}

/// One mark.
pub struct Mark {
    /// Place on the horizontal axis, 0 to 1.
    pub x: f64,
    /// Value.
    pub y: f64,
    /// Thin bar: an interval of the value.
    pub interval: Option<(f64, f64)>,
    /// Pale band or bar: where most of what is behind the value lies.
    pub spread: Option<(f64, f64)>,
    /// A bar of this width (0 to 1) and height in place of a marker.
    pub bar: Option<(f64, f64)>,
    /// What it says, a fact in each line.
    pub says: String,
}

/// A horizontal axis on which equal factors are equal distances.
pub struct LogAxis {
    lo: f64,
    hi: f64,
}

impl LogAxis {
    /// From the least to the largest of `values`, those above 0; none without any.
    pub fn over(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (lo, hi) = values.filter(|v| *v > 0.0).fold((f64::MAX, f64::MIN), |(lo, hi), v| (lo.min(v), hi.max(v)));
        (lo <= hi).then_some(LogAxis { lo, hi })
    }

    /// The place of a value, 0 to 1, with some air at both ends.
    pub fn at(&self, value: f64) -> f64 {
        let (low, high) = (libm::log10(self.lo), libm::log10(self.hi));
        if high > low { 0.06 + 0.88 * (libm::log10(value) - low) / (high - low) } else { 0.5 }
    }

    /// Round values with their places and what `text` says of them.
    pub fn ticks(&self, text: impl Fn(f64) -> String) -> Vec<(f64, String)> {
        let step = step_of((self.hi - self.lo).max(0.1 * self.hi) / 5.0);
        let round = (0..200).map(|i| (libm::ceil(self.lo / step) + f64::from(i)) * step).take_while(|v| *v <= self.hi);
        round.map(|v| (self.at(v), text(v))).collect()
    }
}

/// Names side by side on the horizontal axis, with their places.
pub fn side_by_side<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Vec<(f64, String)> {
    let count = names.len() as f64;
    names.enumerate().map(|(i, name)| ((i as f64 + 0.5) / count, name.to_string())).collect()
}

impl Chart {
    /// The figure in HTML.
    pub fn html(&self) -> String {
        let (lo, hi) = self.range();
        let [left, right, top, bottom] = MARGIN;
        let plot = Plot { lo, hi, left, top, width: WIDTH - left - right, height: HEIGHT - top - bottom };
        let mut svg = self.axes(&plot);
        for (i, series) in self.series.iter().enumerate() {
            svg += &spread(series, i, &plot);
        }
        if let Some((_, points)) = &self.reference {
            svg += &format!("<polyline class=\"reference\" points=\"{}\"/>\n", plot.points(points));
        }
        for (i, series) in self.series.iter().enumerate().filter(|(_, s)| s.joined) {
            let line: Vec<_> = series.marks.iter().map(|m| (m.x, m.y)).collect();
            svg += &format!("<polyline class=\"line c{}\" points=\"{}\"/>\n", i % COLOURS, plot.points(&line));
        }
        for (i, series) in self.series.iter().enumerate() {
            svg += &series.marks.iter().map(|m| mark(m, i, &plot)).collect::<String>();
        }
        let id = escape(&self.id);
        format!(
            "<figure class=\"chart\" id=\"{id}\">\n<figcaption><strong id=\"{id}-title\">{}</strong> {}</figcaption>\n\
             <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"group\" aria-labelledby=\"{id}-title\">\n{svg}</svg>\n{}</figure>\n",
            escape(&self.title),
            escape(&self.caption),
            self.legend(),
        )
    }

    fn range(&self) -> (f64, f64) {
        if let Some(range) = self.y_range {
            return range;
        }
        let of = |m: &Mark| [Some((m.y, m.y)), m.interval, m.spread, m.bar.map(|b| (m.y - b.1 / 2.0, m.y + b.1 / 2.0))];
        let marks = self.series.iter().flat_map(|s| &s.marks).flat_map(of).flatten();
        let reference = self.reference.iter().flat_map(|(_, points)| points).map(|p| (p.1, p.1));
        let (lo, hi) = marks.chain(reference).fold((f64::MAX, f64::MIN), |(lo, hi), (a, b)| (lo.min(a), hi.max(b)));
        if lo > hi {
            return (0.0, 1.0);
        }
        let air = (0.05 * (hi - lo)).max(0.002 * hi.abs()).max(1e-9);
        (lo - air, hi + air)
    }

    fn axes(&self, plot: &Plot) -> String {
        let (right, bottom) = (plot.left + plot.width, plot.top + plot.height);
        let mut svg = String::new();
        let step = step_of((plot.hi - plot.lo) / 6.0);
        let text = |value: f64| if self.y_factors { significant(libm::pow(10.0, value), 3) } else { significant(value, 6) };
        let first = libm::ceil(plot.lo / step) as i64;
        for value in (0..20).map(|i| (first + i) as f64 * step).take_while(|v| *v <= plot.hi) {
            let y = plot.y(value);
            svg += &format!("<line class=\"grid\" x1=\"{}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/><text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n", plot.left, plot.left - 7.0, y + 4.0, text(value));
        }
        let mut free = f64::MIN;
        for (share, text) in &self.x_ticks {
            let x = plot.x(*share);
            svg += &format!("<line class=\"axis\" x1=\"{x:.1}\" y1=\"{bottom}\" x2=\"{x:.1}\" y2=\"{}\"/>", bottom + 5.0);
            let half = 3.6 * text.chars().count() as f64;
            // A label that would touch the one before is left out; its tick stays.
            if x - half >= free {
                svg += &format!("<text class=\"tick\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>", bottom + 18.0, escape(text));
                free = x + half + 4.0;
            }
            svg.push('\n');
        }
        svg += &format!("<polyline class=\"axis\" points=\"{l},{t} {l},{bottom} {right},{bottom}\"/>\n", l = plot.left, t = plot.top);
        svg += &format!("<text class=\"label\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", plot.left + plot.width / 2.0, HEIGHT - 12.0, escape(&self.x_label));
        let middle = plot.top + plot.height / 2.0;
        svg + &format!("<text class=\"label\" transform=\"translate(14 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n", escape(&self.y_label))
    }

    fn legend(&self) -> String {
        let swatch = |inside: &str, text: &str| format!("<li><svg class=\"swatch\" viewBox=\"0 0 30 16\" aria-hidden=\"true\">{inside}</svg>{}</li>", escape(text));
        let mut items = String::new();
        for (i, series) in self.series.iter().enumerate().filter(|(_, s)| !s.label.is_empty()) {
            let line = if series.joined { format!("<line class=\"line c{}\" x1=\"2\" y1=\"8\" x2=\"28\" y2=\"8\"/>", i % COLOURS) } else { String::new() };
            let key = if series.marks.iter().any(|m| m.bar.is_some()) { format!("<rect class=\"bar f{}\" x=\"4\" y=\"4\" width=\"22\" height=\"8\"/>", i % COLOURS) } else { marker(i, 15.0, 8.0) };
            items += &swatch(&format!("{line}{key}"), &series.label);
        }
        if let Some((text, _)) = &self.reference {
            items += &swatch("<line class=\"reference\" x1=\"2\" y1=\"8\" x2=\"28\" y2=\"8\"/>", text);
        }
        if items.is_empty() { String::new() } else { format!("<ul class=\"legend\">{items}</ul>\n") }
    }
}

/// The plot area.
struct Plot {
    lo: f64,
    hi: f64,
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Plot {
    fn x(&self, share: f64) -> f64 {
        self.left + self.width * share
    }

    fn y(&self, value: f64) -> f64 {
        self.top + self.height * (self.hi - value) / (self.hi - self.lo)
    }

    fn points(&self, of: &[(f64, f64)]) -> String {
        of.iter().map(|&(x, y)| format!("{:.1},{:.1}", self.x(x), self.y(y))).collect::<Vec<_>>().join(" ")
    }
}

/// The pale part: a band along a line, a bar at a mark of its own.
fn spread(series: &Series, i: usize, plot: &Plot) -> String {
    let colour = i % COLOURS;
    let ends: Vec<(f64, (f64, f64))> = series.marks.iter().filter_map(|m| Some((m.x, m.spread?))).collect();
    if series.joined && ends.len() > 1 {
        let around: Vec<_> = ends.iter().map(|&(x, (lo, _))| (x, lo)).chain(ends.iter().rev().map(|&(x, (_, hi))| (x, hi))).collect();
        return format!("<polygon class=\"spread f{colour}\" points=\"{}\"/>\n", plot.points(&around));
    }
    let bar = |&(x, (lo, hi)): &(f64, (f64, f64))| format!("<rect class=\"spread f{colour}\" x=\"{:.1}\" y=\"{:.1}\" width=\"12\" height=\"{:.1}\"/>\n", plot.x(x) - 6.0, plot.y(hi), (plot.y(lo) - plot.y(hi)).max(0.5));
    ends.iter().map(bar).collect()
}

fn mark(mark: &Mark, i: usize, plot: &Plot) -> String {
    let (x, y, colour) = (plot.x(mark.x), plot.y(mark.y), i % COLOURS);
    let inside = match mark.bar {
        Some((width, height)) => {
            let size = (plot.width * width, plot.height * height / (plot.hi - plot.lo));
            format!("<rect class=\"bar f{colour}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>", x - size.0 / 2.0, y - size.1 / 2.0, size.0.max(1.0), size.1.max(1.0))
        }
        None => {
            let interval = mark.interval.map_or(String::new(), |(lo, hi)| {
                let (upper, lower) = (plot.y(hi), plot.y(lo));
                format!("<path class=\"line c{colour}\" d=\"M{x:.1} {upper:.1}V{lower:.1}M{l:.1} {upper:.1}h8M{l:.1} {lower:.1}h8\"/>", l = x - 4.0)
            });
            // What a pointer or a finger must hit is larger than what is seen.
            format!("{interval}<circle class=\"hit\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"10\"/>{}", marker(i, x, y))
        }
    };
    format!("<g class=\"mark\" role=\"img\"><title>{}</title>{inside}</g>\n", escape(&mark.says))
}

/// The marker of series `i`.
fn marker(i: usize, x: f64, y: f64) -> String {
    let colour = i % COLOURS;
    let path = match i % SHAPES {
        0 => return format!("<circle class=\"marker f{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>"),
        1 => format!("M{:.1} {:.1}h8v8h-8z", x - 4.0, y - 4.0),
        2 => format!("M{x:.1} {:.1}l5 9h-10z", y - 5.5),
        _ => format!("M{x:.1} {:.1}l5.5 5.5l-5.5 5.5l-5.5 -5.5z", y - 5.5),
    };
    format!("<path class=\"marker f{colour}\" d=\"{path}\"/>")
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `least`.
fn step_of(least: f64) -> f64 {
    let power = libm::pow(10.0, libm::floor(libm::log10(least.max(1e-300))));
    [1.0, 2.0, 5.0].map(|m| m * power).into_iter().find(|s| *s >= least * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        let steps = [0.13, 1.0, 3.0, 70.0].map(step_of);
        assert!(steps.iter().zip([0.2, 1.0, 5.0, 100.0]).all(|(a, b)| (a - b).abs() < 1e-9 * b), "{steps:?}");
    }

    #[test]
    fn what_stands_nowhere_else_is_on_the_marks_and_escaped() {
        let mark = |x, y| Mark { x, y, interval: Some((y - 1.0, y + 1.0)), spread: None, bar: None, says: format!("<{y}>") };
        let chart = Chart {
            id: "a".into(),
            title: "<t>".into(),
            caption: String::new(),
            x_label: "x & y".into(),
            x_ticks: vec![(0.1, "9".into()), (0.9, "<b>".into())],
            y_label: String::new(),
            series: vec![Series { label: "\"s\"".into(), joined: true, marks: vec![mark(0.1, 5.0), mark(0.9, 7.0)] }],
            ..Chart::default()
        };
        let html = chart.html();
        assert_eq!(html.matches("class=\"mark\"").count(), 2);
        for text in ["&lt;5&gt;", "&lt;t&gt;", "x &amp; y", "&lt;b&gt;", "&quot;s&quot;"] {
            assert!(html.contains(text), "no {text}");
        }
        // A single value has a range too.
        assert_eq!(Chart { series: Vec::new(), ..chart }.range(), (0.0, 1.0));
    }
}
