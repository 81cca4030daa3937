//! Line charts and stacked bars over the steps of a run, as SVG that takes its colours from the page.

mod axis;
mod columns;
mod histogram;

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use crate::format::{self, Unit};
use crate::run::Series;
use axis::{Axis, multiples, nice_step};
use columns::{Column, columns, mean_within, moving_mean, thin};
pub use histogram::Bar;
pub(crate) use histogram::histogram;

/// Lines with more points than this are noisy enough to be drawn faint, with their moving mean on top.
const FEW_POINTS: usize = 30;

/// One curve.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) label: String,
    /// Which colour of the page's palette.
    pub(crate) colour: usize,
    pub(crate) values: Series,
    pub(crate) look: Look,
    /// Where the values are the mean of several curves: from where to where those reach.
    pub(crate) spread: Option<Spread>,
}

impl Line {
    /// A curve of its own.
    pub(crate) fn new(label: impl Into<String>, colour: usize, values: Series, look: Look) -> Self {
        Self { label: label.into(), colour, values, look, spread: None }
    }
}

/// The lowest and the highest value of several curves at each step.
pub(crate) type Spread = std::collections::BTreeMap<u64, (f64, f64)>;

/// How a curve is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Measured at every step and noisy: faint if there are many steps, under its moving mean.
    Sampled,
    /// Planned or counted: as it is.
    Exact,
    /// Measured on held-out tasks every few steps: dashed, with dots.
    HeldOut,
}

/// One kind of what a stack adds up.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) label: String,
    /// The CSS class that gives the layer its colour.
    pub(crate) class: String,
    pub(crate) values: Series,
}

/// How large a chart is, in the units of its viewBox, which are pixels at the page's full width.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    width: f64,
    height: f64,
}

impl Size {
    /// Two abreast.
    pub(crate) const WIDE: Self = Self { width: 560.0, height: 230.0 };
    /// Three abreast.
    pub(crate) const SMALL: Self = Self { width: 370.0, height: 180.0 };
}

/// Draws curves over steps, before bands from one step to another. `label` says what they are to those who cannot see
/// them.
pub(crate) fn lines(label: &str, lines: &[Line], unit: Unit, size: Size, bands: &[(u64, u64)]) -> Markup {
    let steps = all_steps(lines.iter().map(|line| &line.values));
    let means = lines.iter().flat_map(|line| line.values.values().copied());
    let spreads = lines.iter().filter_map(|line| line.spread.as_ref()).flat_map(|spread| spread.values());
    let (low, high) = extent(means.chain(spreads.flat_map(|&(low, high)| [low, high])));
    let frame = Frame::new(size, x_domain(&steps), Axis::covering(low, high, unit));
    svg(
        label,
        size,
        html! {
            (frame.bands(bands))
            (frame.grid())
            (frame.y_axis(Side::Left, "axis"))
            (frame.x_axis())
            @for line in lines { (frame.spread(line)) }
            @for line in lines { (frame.line(line)) }
            (frame.readouts(&columns(&steps), |column| {
                let values = lines.iter().filter_map(|line| Some((line, mean_within(&line.values, column)?)));
                values.map(|(line, value)| Reading { class: colour_class(line.colour), value }).collect()
            }))
        },
    )
}

/// Draws bars over steps, each the sum of its layers, the first layer at the bottom.
pub(crate) fn stack(label: &str, layers: &[Layer], unit: Unit, size: Size) -> Markup {
    let steps = all_steps(layers.iter().map(|layer| &layer.values));
    let columns = columns(&steps);
    let total = |column: &Column| -> f64 {
        layers.iter().filter_map(|layer| mean_within(&layer.values, column)).sum()
    };
    let highest = columns.iter().map(total).fold(0.0, f64::max);
    let (left, right) = x_domain(&steps);
    // Room for the outer half of the first and the last bar.
    let margin = columns.first().map_or(0.5, |column| (column.right - column.left) / 2.0);
    let frame = Frame::new(size, (left - margin, right + margin), Axis::covering(0.0, highest, unit));
    svg(
        label,
        size,
        html! {
            (frame.grid())
            (frame.y_axis(Side::Left, "axis"))
            (frame.x_axis())
            @for column in &columns { (frame.bar(layers, column)) }
            (frame.readouts(&columns, |column| {
                let values = layers.iter().filter_map(|layer| Some((layer, mean_within(&layer.values, column)?)));
                let seen = values.filter(|(_, value)| *value > 0.0);
                seen.map(|(layer, value)| Reading { class: layer.class.clone(), value }).collect()
            }))
        },
    )
}

/// Draws two curves with an axis each as a standalone image. An image in a README knows neither the page's theme
/// nor its fonts, so the colours are such that they can be read on white and on black.
pub(crate) fn two_axes(left: &(Line, Unit), right: &(Line, Unit)) -> Markup {
    const STYLE: &str = "text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#7d8590}\
        .title{font-size:13px;font-weight:600}\
        .grid{stroke:#7d8590;stroke-opacity:.25}\
        .line{fill:none;stroke-width:2.5;stroke-linejoin:round;stroke-linecap:round}\
        .raw{stroke-width:1;stroke-opacity:.4}\
        .c0{stroke:#3b82f6}.c1{stroke:#e8590c}\
        text.c0{stroke:none;fill:#3b82f6}text.c1{stroke:none;fill:#e8590c}\
        .end{text-anchor:end}.middle{text-anchor:middle}";
    let size = Size { width: 760.0, height: 300.0 };
    let steps = all_steps([&left.0.values, &right.0.values].into_iter());
    let frame = |(line, unit): &(Line, Unit), colour: usize| {
        let (low, high) = extent(line.values.values().copied());
        let frame =
            Frame::new(size, x_domain(&steps), Axis::covering(low.min(0.0), high, *unit)).with_right_axis();
        // Alone with its axis, a curve needs no dashes to be told apart.
        let look = if line.look == Look::HeldOut { Look::Exact } else { line.look };
        (frame, Line { colour, look, ..line.clone() })
    };
    let (left_frame, left_line) = frame(left, 0);
    let (right_frame, right_line) = frame(right, 1);
    let title = |(line, unit): &(Line, Unit)| match unit.name() {
        "" => line.label.clone(),
        name => format!("{} ({name})", line.label),
    };
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(view_box(size)) width=(size.width) height=(size.height)
            role="img" aria-label=(format!("{} and {} over steps", left_line.label, right_line.label)) {
            style { (PreEscaped(STYLE)) }
            (left_frame.grid())
            (left_frame.y_axis(Side::Left, "c0"))
            (right_frame.y_axis(Side::Right, "c1"))
            (left_frame.x_axis())
            text.title.c0 x="8" y="16" { (title(left)) }
            text.title.c1.end x=(size.width - 8.0) y="16" { (title(right)) }
            (right_frame.line(&right_line))
            (left_frame.line(&left_line))
        }
    }
}

/// What is measured at every step as its moving mean, if there are enough steps that it looks like noise.
pub(crate) fn smoothed(values: &Series) -> Series {
    if values.len() <= FEW_POINTS {
        return values.clone();
    }
    let points: Vec<(f64, f64)> = values.iter().map(|(&step, &value)| (step as f64, value)).collect();
    let means = moving_mean(&points).into_iter().map(|(_, mean)| mean);
    values.keys().copied().zip(means).collect()
}

/// The class of the page that carries the `index`-th colour.
pub(crate) fn colour_class(index: usize) -> String {
    format!("c{}", index % 8)
}

/// Where things lie: the plot's rectangle, and what its edges stand for.
struct Frame {
    size: Size,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: (f64, f64),
    y: Axis,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// What one curve says in a column.
struct Reading {
    class: String,
    value: f64,
}

impl Frame {
    fn new(size: Size, x: (f64, f64), y: Axis) -> Self {
        let (left, right, top, bottom) = (46.0, size.width - 16.0, 24.0, size.height - 26.0);
        Self { size, left, right, top, bottom, x, y }
    }

    fn with_right_axis(self) -> Self {
        Self { right: self.size.width - 46.0, top: 30.0, ..self }
    }

    fn x_at(&self, step: f64) -> f64 {
        self.left + (step - self.x.0) / (self.x.1 - self.x.0) * (self.right - self.left)
    }

    fn y_at(&self, value: f64) -> f64 {
        self.bottom - (value - self.y.low) / (self.y.high - self.y.low) * (self.bottom - self.top)
    }

    fn grid(&self) -> Markup {
        html! {
            @for tick in self.y.ticks() {
                @let y = pixel(self.y_at(tick));
                line.grid x1=(self.left) x2=(self.right) y1=(y) y2=(y) {}
            }
        }
    }

    /// Strips from half a step before the first to half a step behind the last.
    fn bands(&self, bands: &[(u64, u64)]) -> Markup {
        let within = |step: f64| self.x_at(step).clamp(self.left, self.right);
        html! {
            @for &(first, last) in bands {
                @let (left, right) = (within(first as f64 - 0.5), within(last as f64 + 0.5));
                rect.band x=(pixel(left)) y=(self.top) width=(pixel(right - left)) height=(self.bottom - self.top) {}
            }
        }
    }

    fn y_axis(&self, side: Side, class: &str) -> Markup {
        let (x, anchor) =
            if side == Side::Left { (self.left - 6.0, "end") } else { (self.right + 6.0, "start") };
        html! {
            @for tick in self.y.ticks() {
                text class=(format!("{class} {anchor}")) x=(x) y=(pixel(self.y_at(tick) + 4.0)) {
                    (format::tick(tick, self.y.step, self.y.unit))
                }
            }
            @if class == "axis" && !self.y.unit.name().is_empty() {
                text.axis x="4" y="12" { (self.y.unit.name()) }
            }
        }
    }

    fn x_axis(&self) -> Markup {
        let room = (self.right - self.left) / 70.0;
        let step = nice_step((self.x.1 - self.x.0) / room).max(1.0);
        let y = self.bottom + 17.0;
        html! {
            text.axis.end x=(self.left - 12.0) y=(y) { "step" }
            @for tick in multiples(step, self.x.0, self.x.1) {
                text.axis.middle x=(pixel(self.x_at(tick))) y=(y) { (format::tick(tick, step, Unit::Plain)) }
            }
        }
    }

    fn line(&self, line: &Line) -> Markup {
        let points: Vec<(f64, f64)> =
            line.values.iter().map(|(&step, &value)| (step as f64, value)).collect();
        let class = colour_class(line.colour);
        let noisy = points.len() > FEW_POINTS && line.look == Look::Sampled;
        let held_out = line.look == Look::HeldOut;
        html! {
            @if noisy {
                path class=(format!("line raw {class}")) d=(self.path(&thin(&points))) {}
                path class=(format!("line {class}")) d=(self.path(&thin(&moving_mean(&points)))) {}
            } @else {
                @let dashes = held_out.then_some("5 4");
                path class=(format!("line {class}")) stroke-dasharray=[dashes] d=(self.path(&thin(&points))) {}
            }
            @if held_out || points.len() == 1 {
                @for &(step, value) in &thin(&points) {
                    circle class=(format!("dot {class}")) cx=(pixel(self.x_at(step))) cy=(pixel(self.y_at(value))) r="3" {}
                }
            }
        }
    }

    /// The area that a curve's spread covers: along its upper edge, and back along the lower one.
    fn spread(&self, line: &Line) -> Markup {
        let Some(spread) = line.spread.as_ref().filter(|spread| spread.len() > 1) else { return html! {} };
        let edge = |of: fn(&(f64, f64)) -> f64| -> Vec<(f64, f64)> {
            thin(&spread.iter().map(|(&step, range)| (step as f64, of(range))).collect::<Vec<_>>())
        };
        let (mut outline, low) = (edge(|range| range.1), edge(|range| range.0));
        outline.extend(low.into_iter().rev());
        html! { path class=(format!("spread {}", colour_class(line.colour))) d=(self.path(&outline) + "Z") {} }
    }

    fn path(&self, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        for (index, &(step, value)) in points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let (x, y) = (pixel(self.x_at(step)), pixel(self.y_at(value)));
            write!(path, "{command}{x} {y}").expect("a string takes everything");
        }
        path
    }

    fn bar(&self, layers: &[Layer], column: &Column) -> Markup {
        let (left, right) = (self.x_at(column.left), self.x_at(column.right));
        let gap = ((right - left) * 0.15).min(2.0);
        let mut base = 0.0;
        let mut blocks = Vec::new();
        for layer in layers {
            let value = mean_within(&layer.values, column).unwrap_or(0.0);
            blocks.push((layer, base, base + value));
            base += value;
        }
        html! {
            @for (layer, low, high) in blocks {
                @if high > low {
                    rect class=(format!("bar {}", layer.class)) x=(pixel(left + gap / 2.0)) y=(pixel(self.y_at(high)))
                        width=(pixel(right - left - gap)) height=(pixel(self.y_at(low) - self.y_at(high))) {}
                }
            }
        }
    }

    /// One invisible strip per column that, hovered over, shows a rule and what the curves say there.
    fn readouts(&self, columns: &[Column], read: impl Fn(&Column) -> Vec<Reading>) -> Markup {
        html! {
            @for column in columns {
                @let (left, right) = (self.x_at(column.left).max(self.left), self.x_at(column.right).min(self.right));
                @let middle = pixel(f64::midpoint(left, right));
                g.at {
                    rect.hit x=(pixel(left)) y="0" width=(pixel(right - left)) height=(self.bottom) {}
                    line.rule x1=(middle) x2=(middle) y1=(self.top) y2=(self.bottom) {}
                    text.readout.end x=(self.right) y="12" {
                        (column.name())
                        @for reading in read(column) {
                            tspan class=(reading.class) dx="9" { (format::value(reading.value, self.y.unit)) }
                        }
                    }
                }
            }
        }
    }
}

fn all_steps<'a>(series: impl Iterator<Item = &'a Series>) -> Vec<u64> {
    let steps: std::collections::BTreeSet<u64> = series.flat_map(|values| values.keys().copied()).collect();
    steps.into_iter().collect()
}

fn x_domain(steps: &[u64]) -> (f64, f64) {
    match (steps.first(), steps.last()) {
        (Some(&first), Some(&last)) if first < last => (first as f64, last as f64),
        (Some(&only), _) => (only as f64 - 0.5, only as f64 + 0.5),
        (None, _) => (0.0, 1.0),
    }
}

fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

fn svg(label: &str, size: Size, content: Markup) -> Markup {
    html! {
        svg.chart viewBox=(view_box(size)) role="img" aria-label=(label) { (content) }
    }
}

fn view_box(size: Size) -> String {
    format!("0 0 {} {}", size.width, size.height)
}

/// A tenth of a pixel is as fine as anybody sees, and keeps the page small.
fn pixel(position: f64) -> f64 {
    (position * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_runs_from_corner_to_corner() {
        let frame = Frame::new(Size::WIDE, (0.0, 10.0), Axis::covering(0.0, 1.0, Unit::Share));
        assert_eq!(frame.path(&[(0.0, 0.0), (10.0, 1.0)]), "M46 204L544 24");
    }

    #[test]
    fn a_spread_runs_along_its_upper_edge_and_back_along_the_lower_one() {
        let frame = Frame::new(Size::WIDE, (0.0, 10.0), Axis::covering(0.0, 1.0, Unit::Share));
        let mut line = Line::new("", 0, Series::from([(0, 0.5), (10, 0.5)]), Look::Exact);
        assert_eq!(frame.spread(&line).into_string(), "");
        line.spread = Some(Spread::from([(0, (0.0, 1.0)), (10, (0.0, 1.0))]));
        assert!(frame.spread(&line).into_string().contains(r#"d="M46 24L544 24L544 204L46 204Z""#));
    }

    #[test]
    fn bars_stand_on_each_other() {
        let frame = Frame::new(Size::WIDE, (0.5, 1.5), Axis::covering(0.0, 100.0, Unit::Submissions));
        let layer =
            |value| Layer { label: String::new(), class: String::new(), values: Series::from([(1, value)]) };
        let bar = frame.bar(&[layer(75.0), layer(0.0), layer(25.0)], &columns(&[1])[0]).into_string();
        assert_eq!(bar.matches("<rect").count(), 2, "{bar}");
        assert!(bar.contains(r#"y="69" width="496" height="135""#), "{bar}");
        assert!(bar.contains(r#"y="24" width="496" height="45""#), "{bar}");
    }
}
