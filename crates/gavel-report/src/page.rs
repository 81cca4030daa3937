//! The page: headline numbers, charts, completions with their verdicts, settings.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use crate::alarms::Alarms;
use crate::format::{self, Unit};
use crate::panels::{self, Panel, Section, Totals};
use crate::run::Judges;
use crate::run::{Completion, Metrics, OutcomeRow, Run, Samples, Series, Summary};

/// Groups that are shown of each step.
const GROUPS_PER_STEP: usize = 2;
/// Characters of a prompt or completion that are shown.
const MOST_CHARACTERS: usize = 20_000;
/// Steps at either end of a run that a headline number averages, at most, where nothing was measured before and
/// after.
const END_STEPS: usize = 5;

/// Draws the report of a run; with `reload`, a page that a browser loads again after so many seconds.
pub(crate) fn render(run: &Run, reload: Option<u32>) -> Markup {
    let main = html! {
        (headline(run))
        (Alarms::take(&mut run.metrics.clone()).told())
        @for section in panels::sections(&run.metrics) { (charts(&section)) }
        (completions(&run.samples))
        (record(run))
    };
    let title = format!("{} · gavel", run.name);
    document_that_reloads(reload, &title, "gavel · training report", &run.name, &facts(run), &main)
}

/// A page that needs nothing else: what it is called in a window, of what kind it is, and its heading with some facts.
pub(crate) fn document(title: &str, kind: &str, heading: &str, facts: &str, main: &Markup) -> Markup {
    document_that_reloads(None, title, kind, heading, facts, main)
}

/// As [`document`]; a page of a run that goes on is loaded again by the browser itself, since it holds no scripts.
fn document_that_reloads(
    seconds: Option<u32>,
    title: &str,
    kind: &str,
    heading: &str,
    facts: &str,
    main: &Markup,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if let Some(seconds) = seconds { meta http-equiv="refresh" content=(seconds); }
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                header {
                    p.kind { (kind) }
                    h1 { (heading) }
                    p.facts { (facts) @if seconds.is_some() { " · goes on" } }
                }
                main { (main) }
            }
        }
    }
}

fn facts(run: &Run) -> String {
    let summary = run.summary.as_ref();
    let mut facts = Vec::new();
    let steps = summary.and_then(|summary| summary.steps).unwrap_or_else(|| run.metrics.last_step());
    facts.push(format!("{} steps", format::value(steps as f64, Unit::Plain)));
    let stepping = run.metrics.get("step_time").map(|times| times.values().sum());
    if let Some(seconds) = summary.and_then(|summary| summary.seconds).or(stepping) {
        facts.push(format::duration(seconds));
    }
    if let Some(tokens) = run.metrics.get("num_tokens").and_then(|tokens| tokens.values().next_back()) {
        facts.push(format!("{} tokens", format::value(*tokens, Unit::Tokens)));
    }
    facts.join(" · ")
}

/// A number at the start and at the end of the run.
struct Change {
    name: String,
    before: f64,
    after: f64,
    unit: Unit,
}

fn headline(run: &Run) -> Markup {
    let measured = run.summary.as_ref().map(|summary| measured_changes(summary, &run.metrics));
    let measured = measured.unwrap_or_default();
    let (changes, source) = if measured.is_empty() {
        (changes_over_steps(&run.metrics), "Mean of the first and of the last steps, on training tasks.")
    } else {
        (measured, "Before and after training, on held-out tasks.")
    };
    html! {
        section.headline {
            div.tiles { @for change in &changes { (tile(change)) } }
            p.note { (source) }
        }
    }
}

fn tile(change: &Change) -> Markup {
    let delta = change.after - change.before;
    let sign = if delta < 0.0 { "−" } else { "+" };
    let difference = match change.unit {
        Unit::Share => format!("{sign}{:.1} points", delta.abs() * 100.0),
        unit => format!("{sign}{}", format::value(delta.abs(), unit)),
    };
    html! {
        div.tile {
            p.name { (change.name) @if change.unit == Unit::Tokens { " (tokens)" } }
            p.change {
                span.before { (format::value(change.before, change.unit)) }
                span.arrow { " → " }
                span.after { (format::value(change.after, change.unit)) }
            }
            p.delta { (difference) }
        }
    }
}

fn measured_changes(summary: &Summary, metrics: &Metrics) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, before) in &summary.before {
        if let (&Some(before), Some(&Some(after))) = (before, summary.after.get(name)) {
            let unit = match name.as_str() {
                length if length.contains("length") => Unit::Tokens,
                "reward" => Unit::Plain,
                verifier if verifier.starts_with("rewards/") => {
                    let is_share =
                        verifier.strip_prefix("rewards/").is_some_and(|name| metrics.is_all_or_nothing(name));
                    if is_share { Unit::Share } else { Unit::Plain }
                }
                _ if [before, after].iter().all(|value| (0.0..=1.0).contains(value)) => Unit::Share,
                _ => Unit::Plain,
            };
            let name = match name.strip_prefix("rewards/") {
                Some(verifier) => format!("verifier {verifier}"),
                None => name.replace('_', " "),
            };
            changes.push(Change { name, before, after, unit });
        }
    }
    changes
}

fn changes_over_steps(metrics: &Metrics) -> Vec<Change> {
    let change = |key: &str, name: &str, unit: fn(&Series) -> Unit| {
        let series = metrics.get(key)?;
        let (before, after) = ends(series)?;
        Some(Change { name: name.to_owned(), before, after, unit: unit(series) })
    };
    let mut changes: Vec<Change> = change("reward", "reward", |_| Unit::Plain).into_iter().collect();
    for verifier in metrics.names_between("rewards/", "/mean") {
        let unit: fn(&Series) -> Unit = if metrics.is_all_or_nothing(&verifier) {
            |_: &Series| Unit::Share
        } else {
            |_: &Series| Unit::Plain
        };
        changes.extend(change(&format!("rewards/{verifier}/mean"), &verifier, unit));
    }
    changes.extend(change("completions/mean_length", "mean length", |_| Unit::Tokens));
    changes
}

fn ends(series: &Series) -> Option<(f64, f64)> {
    let values: Vec<f64> = series.values().copied().collect();
    let count = END_STEPS.min(values.len().div_ceil(2));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    (count > 0).then(|| (mean(&values[..count]), mean(&values[values.len() - count..])))
}

fn charts(section: &Section) -> Markup {
    let class = if section.small { "panels small" } else { "panels" };
    html! {
        section {
            h2 { (section.title) }
            p.note { (section.note) }
            div class=(class) { @for panel in &section.panels { (figure(panel)) } }
            @if let Some(totals) = &section.totals { (totals_table(totals)) }
        }
    }
}

fn figure(panel: &Panel) -> Markup {
    html! {
        figure {
            figcaption {
                h3 { (panel.title) }
                p { (panel.note) }
            }
            @if !panel.legend.is_empty() {
                ul.legend { @for (class, label) in &panel.legend { li class=(class) { (label) } } }
            }
            (panel.chart)
        }
    }
}

fn totals_table(totals: &Totals) -> Markup {
    html! {
        div.scroll {
            table {
                caption { "Outcomes over all steps that were logged" }
                thead {
                    tr { th { "verifier" } @for status in &totals.statuses { th.number { (chip(status.name())) } } }
                }
                tbody {
                    @for (verifier, counts) in &totals.rows {
                        tr {
                            th { (verifier) }
                            @for &count in counts { td.number { (format::value(count, Unit::Submissions)) } }
                        }
                    }
                }
            }
        }
    }
}

fn completions(samples: &[Samples]) -> Markup {
    if samples.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Completions" }
            p.note {
                "The best and the worst of a group at the first, the middle and the last step that was kept, from \
                 the groups whose rewards lie furthest apart."
            }
            @for sample in samples {
                h3.step { "Step " (sample.step) }
                @for group in most_telling(&sample.groups) { (group_of(group)) }
            }
        }
    }
}

/// The groups with the widest spread of rewards; among equals those that come first.
fn most_telling(groups: &[Vec<Completion>]) -> Vec<&[Completion]> {
    let mut groups: Vec<&[Completion]> = groups.iter().map(Vec::as_slice).collect();
    let spread = |group: &[Completion]| {
        let rewards = group.iter().filter_map(|completion| completion.reward);
        rewards.clone().fold(f64::NEG_INFINITY, f64::max) - rewards.fold(f64::INFINITY, f64::min)
    };
    groups.sort_by(|a, b| spread(b).total_cmp(&spread(a)));
    groups.truncate(GROUPS_PER_STEP);
    groups
}

fn group_of(group: &[Completion]) -> Markup {
    let by_reward = |completion: &&Completion| {
        // A completion without reward stands below every other.
        completion.reward.unwrap_or(f64::NEG_INFINITY)
    };
    let best = group.iter().rev().max_by(|a, b| by_reward(a).total_cmp(&by_reward(b)));
    let worst = group.iter().min_by(|a, b| by_reward(a).total_cmp(&by_reward(b)));
    let (Some(best), Some(worst)) = (best, worst) else { return html! {} };
    html! {
        article.group {
            div.task {
                p.label { "prompt" }
                (untrusted(&best.prompt))
                @if let Some(reference) = &best.reference {
                    p.label { "reference" }
                    (untrusted(reference))
                }
            }
            div.pair {
                @if best.reward == worst.reward {
                    (completion(&format!("one of {}, all worth the same", group.len()), best))
                } @else {
                    (completion(&format!("best of {}", group.len()), best))
                    (completion(&format!("worst of {}", group.len()), worst))
                }
            }
        }
    }
}

fn completion(title: &str, completion: &Completion) -> Markup {
    let reward =
        completion.reward.map_or_else(|| "none".to_owned(), |reward| format::value(reward, Unit::Plain));
    html! {
        div.completion {
            p.label {
                (title) " · reward " b { (reward) }
                @if let Some(advantage) = completion.advantage {
                    " · advantage " (format::value(advantage, Unit::Plain))
                }
            }
            (untrusted(&completion.completion))
            @for (verifier, outcome) in &completion.outcomes { (outcome_of(verifier, outcome)) }
        }
    }
}

fn outcome_of(verifier: &str, outcome: &OutcomeRow) -> Markup {
    html! {
        div.outcome {
            p {
                b { (gavel_verify::visible(verifier)) } " "
                (chip(&outcome.status))
                @if let Some(reward) = outcome.reward { " " (format::value(reward, Unit::Plain)) }
                @for (name, value) in &outcome.metrics {
                    @if let Some(value) = value {
                        span.metric { (gavel_verify::visible(name)) " " (format::value(*value, Unit::Plain)) }
                    }
                }
            }
            @if let Some(reason) = &outcome.reason { p.reason { (gavel_verify::visible(reason)) } }
        }
    }
}

fn chip(status: &str) -> Markup {
    html! { span class=(format!("chip {}", panels::status_class(status))) { (status) } }
}

/// Text that the policy or a data set wrote, as it is and within bounds.
pub(crate) fn untrusted(text: &str) -> Markup {
    let shown = text.char_indices().nth(MOST_CHARACTERS).map_or(text, |(end, _)| &text[..end]);
    let hidden = text[shown.len()..].chars().count();
    html! {
        pre {
            (gavel_verify::visible(shown))
            @if text.is_empty() { span.more { "nothing" } }
            @if hidden > 0 { span.more { "… and " (hidden) " more characters" } }
        }
    }
}

fn record(run: &Run) -> Markup {
    if run.settings.is_none() && run.digests.is_none() {
        return html! {};
    }
    html! {
        section {
            h2 { "Settings and digests" }
            p.note { "What it takes to do this run again." }
            @if let Some(digests) = &run.digests { (digest_table(digests)) }
            @if run.judges.len() > 1 { (judge_table(&run.judges)) }
            @if let Some(settings) = &run.settings {
                details open {
                    summary { "settings.toml" }
                    pre { (gavel_verify::visible(settings)) }
                }
            }
        }
    }
}

fn digest_table(digests: &Value) -> Markup {
    let mut rows = Vec::new();
    flatten("", digests, &mut rows);
    html! {
        div.scroll {
            table {
                caption { "digests.json" }
                tbody { @for (name, digest) in &rows { tr { th { (name) } td { code { (digest) } } } } }
            }
        }
    }
}

/// What judged from which step on, for a run whose reward was changed on the way.
fn judge_table(judges: &[Judges]) -> Markup {
    html! {
        div.scroll {
            table {
                caption { "What judged" }
                thead { tr { th { "from step" } th { "changed" } th { "digests" } } }
                tbody {
                    @for row in judges {
                        tr {
                            th.number { (row.step + 1) }
                            td { (gavel_verify::visible(&row.changed.join(", "))) }
                            td {
                                @for (name, digest) in &row.verifiers {
                                    p { (gavel_verify::visible(name)) " " code { (digest) } }
                                }
                                @if let Some(digest) = &row.reward { p { "reward file " code { (digest) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn flatten(path: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path} · {name}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| flatten(&below(name), value, rows)),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| flatten(&below(&index.to_string()), value, rows));
        }
        Value::String(text) => rows.push((path.to_owned(), text.clone())),
        other => rows.push((path.to_owned(), other.to_string())),
    }
}
