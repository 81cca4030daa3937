//! Accuracy and length by family, before and after, as one image for a README.

use maud::{Markup, PreEscaped, html};

use super::{Comparison, Group};

/// An image in a README knows neither the page's theme nor its fonts: the colours can be read on white and on black.
const STYLE: &str = "text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#7d8590}\
    .title{font-size:13px;font-weight:600}.end{text-anchor:end}.grid{stroke:#7d8590;stroke-opacity:.25}\
    .before{fill:#7d8590;fill-opacity:.55}.after{fill:#3b82f6}.length{fill:#e8590c}.tries{stroke:#7d8590;stroke-width:2}";
const WIDTH: f64 = 760.0;
/// Where bars begin, where those of accuracy end, and where those of length begin and end.
const BARS: (f64, f64) = (110.0, 420.0);
const LENGTHS: (f64, f64) = (480.0, 720.0);
const ROW: f64 = 34.0;
const TOP: f64 = 44.0;

/// A row for each family: bars of pass@1 and of mean length, before and after, and a rule where pass@k of the base is, for
/// the largest k there is.
pub(super) fn draw(comparison: &Comparison) -> Markup {
    let Comparison { before, after, .. } = comparison;
    let groups: Vec<(&str, Option<&Group>, &Group)> = after
        .families
        .iter()
        .map(|(name, group)| {
            let of_before = before.as_ref().and_then(|before| before.families.get(name));
            (name.as_str(), of_before, group)
        })
        .chain([("all", before.as_ref().map(|before| &before.all), &after.all)])
        .collect();
    let longest = groups
        .iter()
        .flat_map(|(_, before, after)| before.iter().copied().chain([*after]))
        .map(|group| group.tokens)
        .fold(1.0, f64::max);
    let tries = before.as_ref().and_then(|before| before.all.pass_at.keys().next_back().copied());
    let height = TOP + ROW * groups.len() as f64 + 12.0;
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) width=(WIDTH) height=(height)
            role="img" aria-label="Accuracy and length of completions by family, before and after training" {
            style { (PreEscaped(STYLE)) }
            text.title x=(BARS.0) y="16" { "solved at the first try" }
            text.title x=(LENGTHS.0) y="16" { "tokens" }
            text x=(BARS.0) y="34" {
                "grey before, blue after"
                @if let Some(k) = tries.filter(|&k| k > 1) { ", rule: base within " (k) " tries" }
            }
            text x=(LENGTHS.0) y="34" { "grey before, orange after" }
            @for (row, (name, of_before, of_after)) in groups.iter().enumerate() {
                (family(TOP + ROW * row as f64, name, *of_before, of_after, longest))
            }
        }
    }
}

fn family(y: f64, name: &str, before: Option<&Group>, after: &Group, longest: f64) -> Markup {
    let wide = |range: (f64, f64), share: f64| pixel((range.1 - range.0) * share);
    let within = before.and_then(|group| group.pass_at.iter().next_back()).filter(|(k, _)| **k > 1);
    html! {
        text.end x=(BARS.0 - 8.0) y=(y + 19.0) { (gavel_verify::visible(name)) }
        @if let Some(before) = before {
            rect.before x=(BARS.0) y=(y + 2.0) height="10" width=(wide(BARS, before.accuracy())) {}
            rect.before x=(LENGTHS.0) y=(y + 2.0) height="10" width=(wide(LENGTHS, before.tokens / longest)) {}
        }
        rect.after x=(BARS.0) y=(y + 14.0) height="10" width=(wide(BARS, after.accuracy())) {}
        rect.length x=(LENGTHS.0) y=(y + 14.0) height="10" width=(wide(LENGTHS, after.tokens / longest)) {}
        @if let Some((_, share)) = within {
            @let x = BARS.0 + wide(BARS, *share);
            line.tries x1=(x) x2=(x) y1=(y) y2=(y + 26.0) {}
        }
        text x=(BARS.1 + 6.0) y=(y + 23.0) { (format!("{:.0} %", 100.0 * after.accuracy())) }
        text x=(LENGTHS.1 + 4.0) y=(y + 23.0) { (format!("{:.0}", after.tokens)) }
    }
}

/// A tenth of a pixel is as fine as anybody sees.
fn pixel(position: f64) -> f64 {
    (position * 10.0).round() / 10.0
}
