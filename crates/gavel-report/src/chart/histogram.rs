//! Bars side by side, of how many things there are of each size.

use maud::{Markup, html};

use super::axis::Axis;
use super::{Frame, Side, Size, pixel, svg};
use crate::format::{self, Unit};

/// So many things whose size is from `from` to `to`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// The least size.
    pub from: u32,
    /// The greatest size.
    pub to: u32,
    /// How many there are.
    pub count: u64,
}

/// Labels of the axis of sizes, at most.
const LABELS: usize = 9;

/// Draws bars of equal width, whatever sizes they stand for; each is named by its least size. `label` says what they are to
/// those who cannot see them.
pub(crate) fn histogram(label: &str, bars: &[Bar]) -> Markup {
    let size = Size::WIDE;
    let highest = bars.iter().map(|bar| bar.count).max().unwrap_or(0);
    let frame =
        Frame::new(size, (0.0, bars.len().max(1) as f64), Axis::covering(0.0, highest as f64, Unit::Plain));
    let every = bars.len().div_ceil(LABELS).max(1);
    svg(
        label,
        size,
        html! {
            (frame.grid())
            (frame.y_axis(Side::Left, "axis"))
            @for (index, bar) in bars.iter().enumerate() {
                @let (left, right) = (frame.x_at(index as f64), frame.x_at(index as f64 + 1.0));
                @let top = frame.y_at(bar.count as f64);
                rect.bar.c0 x=(pixel(left + 1.0)) y=(pixel(top)) width=(pixel(right - left - 2.0))
                    height=(pixel(frame.bottom - top)) {}
                @if index % every == 0 {
                    text.axis.middle x=(pixel(left)) y=(pixel(frame.bottom + 17.0)) { (number(bar.from)) }
                }
                g.at {
                    rect.hit x=(pixel(left)) y="0" width=(pixel(right - left)) height=(frame.bottom) {}
                    text.readout.end x=(frame.right) y="12" {
                        (number(bar.from)) "–" (number(bar.to)) tspan.c0 dx="9" { (format::value(bar.count as f64, Unit::Plain)) }
                    }
                }
            }
        },
    )
}

fn number(size: u32) -> String {
    format::value(size.into(), Unit::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_reaches_the_top_and_an_empty_one_has_no_height() {
        let bars = [Bar { from: 0, to: 9, count: 4 }, Bar { from: 10, to: 19, count: 0 }];
        let drawn = histogram("lengths", &bars).into_string();
        assert!(drawn.contains(r#"y="24" width="247" height="180""#), "{drawn}");
        assert!(drawn.contains(r#"y="204" width="247" height="0""#), "{drawn}");
        assert!(drawn.contains("10–19"), "{drawn}");
    }
}
