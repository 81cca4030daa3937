//! Line charts and stacked bars over the steps of a run, as SVG that takes its colours from the page.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use crate::format::{self, Unit};
use crate::run::Series;

/// Columns that a chart answers to when hovered over, and bars of a stack, at most; neighbours are averaged.
const MOST_COLUMNS: usize = 150;
/// Points of a line, at most; neighbours are averaged.
const MOST_POINTS: usize = 500;
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
}

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

/// Draws curves over steps. `label` says what they are to those who cannot see them.
pub(crate) fn lines(label: &str, lines: &[Line], unit: Unit, size: Size) -> Markup {
    let steps = all_steps(lines.iter().map(|line| &line.values));
    let (low, high) = extent(lines.iter().flat_map(|line| line.values.values().copied()));
    let frame = Frame::new(size, x_domain(&steps), Axis::covering(low, high, unit));
    svg(
        label,
        size,
        html! {
            (frame.grid())
            (frame.y_axis(Side::Left, "axis"))
            (frame.x_axis())
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

/// The value axis: from `low` to `high`, with ticks at the multiples of `step`.
struct Axis {
    low: f64,
    high: f64,
    step: f64,
    unit: Unit,
}

impl Axis {
    /// An axis that starts at 0 where that does not hide the change, and ends on a tick.
    fn covering(low: f64, high: f64, unit: Unit) -> Self {
        if unit == Unit::Share && (0.0..=1.0).contains(&low) && (0.3..=1.0).contains(&high) {
            return Self { low: 0.0, high: 1.0, step: 0.25, unit };
        }
        let low = if low > 0.0 && low < 0.7 * high { 0.0 } else { low };
        let high = if high < 0.0 && high > 0.7 * low { 0.0 } else { high };
        // What changes by less than a thousandth does not change, and its ticks would differ in digits that nobody reads.
        let spread = 1e-3 * low.abs().max(high.abs());
        let (low, high) = if high > low && high - low < spread {
            let middle = (low + high) / 2.0;
            (middle - spread / 2.0, middle + spread / 2.0)
        } else {
            (low, high)
        };
        let (low, high) = if high > low { (low, high) } else { (low.min(0.0), low.max(0.0)) };
        let (low, high) = if high > low { (low, high) } else { (0.0, 1.0) };
        let step = nice_step((high - low) / 4.0);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step, unit }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        multiples(self.step, self.low, self.high)
    }
}

/// Some neighbouring steps, and the strip of the chart that is theirs.
struct Column {
    first: u64,
    last: u64,
    left: f64,
    right: f64,
}

impl Column {
    fn name(&self) -> String {
        if self.first == self.last {
            format!("step {}", self.first)
        } else {
            format!("steps {}–{}", self.first, self.last)
        }
    }
}

/// Cuts the steps into columns; the strip of each reaches halfway to its neighbours.
fn columns(steps: &[u64]) -> Vec<Column> {
    let chunks: Vec<&[u64]> = steps.chunks(steps.len().div_ceil(MOST_COLUMNS).max(1)).collect();
    let border = |index: usize| {
        let (before, after) = (chunks[index - 1], chunks[index]);
        f64::midpoint(before[before.len() - 1] as f64, after[0] as f64)
    };
    let mut columns = Vec::with_capacity(chunks.len());
    for (index, chunk) in chunks.iter().enumerate() {
        let (first, last) = (chunk[0], chunk[chunk.len() - 1]);
        let left = (index > 0).then(|| border(index));
        let right = (index + 1 < chunks.len()).then(|| border(index + 1));
        // The outermost strips reach as far out as they reach in.
        let (left, right) = match (left, right) {
            (Some(left), Some(right)) => (left, right),
            (None, Some(right)) => (first as f64 - (right - last as f64), right),
            (Some(left), None) => (left, last as f64 + (first as f64 - left)),
            (None, None) => (first as f64 - 0.5, last as f64 + 0.5),
        };
        columns.push(Column { first, last, left, right });
    }
    columns
}

fn mean_within(values: &Series, column: &Column) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for (_, value) in values.range(column.first..=column.last) {
        sum += value;
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}

/// The mean of each point and its neighbours, over a window that is a tenth of the curve.
fn moving_mean(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let reach = (points.len() / 20).max(1);
    let mean_around = |index: usize| {
        let window = &points[index.saturating_sub(reach)..(index + reach + 1).min(points.len())];
        window.iter().map(|&(_, value)| value).sum::<f64>() / window.len() as f64
    };
    points.iter().enumerate().map(|(index, &(step, _))| (step, mean_around(index))).collect()
}

fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mean = |chunk: &[(f64, f64)]| {
        let count = chunk.len() as f64;
        let sum = chunk.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / count, sum.1 / count)
    };
    points.chunks(points.len().div_ceil(MOST_POINTS).max(1)).map(mean).collect()
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

/// The nearest of 1, 2 and 5 times a power of ten.
fn nice_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factor = match step / power {
        ..1.5 => 1.0,
        1.5..3.5 => 2.0,
        3.5..7.5 => 5.0,
        _ => 10.0,
    };
    factor * power
}

/// The multiples of `step` from `low` to `high`, both included up to rounding.
fn multiples(step: f64, low: f64, high: f64) -> impl Iterator<Item = f64> {
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last).map(move |factor| factor as f64 * step)
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

    fn axis(low: f64, high: f64, unit: Unit) -> (f64, f64, f64) {
        let axis = Axis::covering(low, high, unit);
        (axis.low, axis.high, axis.step)
    }

    #[test]
    fn an_axis_covers_its_values_and_ends_on_ticks() {
        assert_eq!(axis(0.3, 0.9, Unit::Share), (0.0, 1.0, 0.25));
        assert_eq!(axis(33.0, 78.0, Unit::Tokens), (0.0, 80.0, 20.0));
        assert_eq!(axis(0.0, 0.0, Unit::Plain), (0.0, 1.0, 0.2));
        assert_eq!(axis(-0.02, 0.03, Unit::Plain), (-0.02, 0.03, 0.01));
        let (low, high, step) = axis(10.52, 10.520_02, Unit::Plain);
        assert!(low < 10.52 && high > 10.521 && step > 1e-3, "{low} {high} {step}");
        let (low, high, _) = axis(94.1, 97.3, Unit::Plain);
        assert!((90.0..=94.1).contains(&low) && (97.3..100.0).contains(&high), "{low} {high}");
    }

    #[test]
    fn an_axis_has_a_handful_of_ticks() {
        for exponent in -9..=9 {
            for factor in 1..100 {
                let high = f64::from(factor) * 10f64.powi(exponent);
                let ticks = Axis::covering(0.0, high, Unit::Plain).ticks().count();
                assert!((4..=8).contains(&ticks), "{ticks} ticks up to {high}");
            }
        }
    }

    #[test]
    fn columns_hold_every_step_once() {
        for steps in [vec![7], vec![1, 2, 3], (0..1000).collect(), (0..1000).map(|step| step * 10).collect()]
        {
            let columns = columns(&steps);
            let held = columns.iter().map(|column| {
                steps.iter().filter(|&&step| (column.first..=column.last).contains(&step)).count()
            });
            assert!(columns.len() <= MOST_COLUMNS);
            assert_eq!(held.sum::<usize>(), steps.len());
            assert!(columns.windows(2).all(|pair| pair[0].right == pair[1].left));
            assert!(columns.iter().all(|column| column.left < column.right));
        }
    }

    #[test]
    fn a_moving_mean_keeps_every_step_and_the_mean_of_a_constant() {
        let points: Vec<(f64, f64)> = (0..100).map(|step| (f64::from(step), 3.0)).collect();
        assert_eq!(moving_mean(&points), points);
        let thinned = thin(&(0..5000).map(|step| (f64::from(step), f64::from(step))).collect::<Vec<_>>());
        assert_eq!(thinned.len(), 500);
        assert_eq!(thinned[0], (4.5, 4.5));
    }

    #[test]
    fn a_curve_runs_from_corner_to_corner() {
        let frame = Frame::new(Size::WIDE, (0.0, 10.0), Axis::covering(0.0, 1.0, Unit::Share));
        assert_eq!(frame.path(&[(0.0, 0.0), (10.0, 1.0)]), "M46 204L544 24");
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
