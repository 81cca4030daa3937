//! The page of several runs side by side: runs that differ in their seed alone are one curve with a band, and what else
//! differs between them is what the curves are called.

use std::collections::{BTreeMap, BTreeSet};

use gavel_verify::visible;
use indexmap::IndexMap;
use maud::{Markup, html};

use crate::chart::{self, Line, Look, Size};
use crate::format::{self, Unit};
use crate::page::document;
use crate::panels;
use crate::run::{Metrics, Run, Series};

/// Settings by which runs of one experiment differ: runs that are equal but for these are repetitions of each other.
const OF_ONE_RUN: [&str; 2] = ["seed", "output_dir"];
/// Characters of a setting's value that a name has room for.
const MOST_OF_A_VALUE: usize = 48;
/// Steps at the end of a run over which what is measured at every step is averaged.
const LAST_STEPS: usize = 5;

/// Runs of the same settings.
struct Group<'a> {
    /// What sets it apart from the other groups.
    name: String,
    runs: Vec<&'a Run>,
}

/// Draws the page.
pub(crate) fn render(runs: &[Run]) -> Markup {
    let groups = groups(runs);
    let main = html! {
        (table(&groups))
        section {
            h2 { "Curves" }
            p.note {
                "The mean over the runs of a group; the band reaches from the lowest to the highest of them. What is \
                 measured at every step is drawn as its moving mean, on held-out tasks dashed with dots."
            }
            div.panels { @for panel in panels_of(&groups) { (panel) } }
        }
        (settings(&groups))
    };
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    let facts = match groups.len() {
        1 => format!("{} runs of the same settings", runs.len()),
        several => format!("{} runs of {several} settings", runs.len()),
    };
    document(
        &format!("{} · gavel", names.join(" · ")),
        "gavel · runs side by side",
        "Runs side by side",
        &facts,
        &main,
    )
}

/// Puts runs of the same settings together, in the order in which they were named.
fn groups(runs: &[Run]) -> Vec<Group<'_>> {
    let mut same: IndexMap<BTreeMap<String, String>, Vec<&Run>> = IndexMap::new();
    for run in runs {
        same.entry(settings_of(run)).or_default().push(run);
    }
    let differing = differing(same.keys());
    let name = |settings: &BTreeMap<String, String>, runs: &[&Run]| {
        let parts: Vec<String> = differing.iter().map(|key| part(key, settings.get(*key))).collect();
        if parts.is_empty() { runs[0].name.clone() } else { parts.join(", ") }
    };
    let names: Vec<String> = same.iter().map(|(settings, runs)| name(settings, runs)).collect();
    names.into_iter().zip(same.into_values()).map(|(name, runs)| Group { name, runs }).collect()
}

/// A setting and its value, as part of a name.
fn part(key: &str, value: Option<&String>) -> String {
    match value {
        Some(value) if value.chars().count() > MOST_OF_A_VALUE => {
            let kept: String = value.chars().take(MOST_OF_A_VALUE).collect();
            format!("{key} = {kept}…")
        }
        Some(value) => format!("{key} = {value}"),
        None => format!("{key} not set"),
    }
}

/// The settings of a run by their full names, without those of one run alone. A run that recorded none is like no other.
fn settings_of(run: &Run) -> BTreeMap<String, String> {
    let table = run.settings.as_deref().and_then(|text| text.parse::<toml::Table>().ok());
    let Some(table) = table else { return BTreeMap::from([("run".to_owned(), run.name.clone())]) };
    let mut settings = BTreeMap::new();
    flatten("", &toml::Value::Table(table), &mut settings);
    settings.retain(|key, _| !OF_ONE_RUN.contains(&key.as_str()));
    settings
}

fn flatten(path: &str, value: &toml::Value, settings: &mut BTreeMap<String, String>) {
    let toml::Value::Table(table) = value else {
        settings.insert(path.to_owned(), value.to_string());
        return;
    };
    for (name, value) in table {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        flatten(&path, value, settings);
    }
}

/// The settings that are not the same in all of these.
fn differing<'a>(groups: impl Iterator<Item = &'a BTreeMap<String, String>> + Clone) -> Vec<&'a str> {
    let keys: BTreeSet<&str> =
        groups.clone().flat_map(|settings| settings.keys().map(String::as_str)).collect();
    let differs = |key: &&str| {
        let values: BTreeSet<Option<&String>> = groups.clone().map(|settings| settings.get(*key)).collect();
        values.len() > 1
    };
    keys.into_iter().filter(differs).collect()
}

/// What each group came to: mean and range over its runs.
fn table(groups: &[Group<'_>]) -> Markup {
    let several = groups.iter().any(|group| group.runs.len() > 1);
    html! {
        section.headline {
            div.scroll {
                table {
                    thead {
                        tr {
                            th { "runs" } th.number { "count" }
                            th.number { "accuracy, first" } th.number { "accuracy, last" } th.number { "reward, last" }
                            th.number { "length, last" } th.number { "steps" } th.number { "seconds a step" } th.number { "time" }
                        }
                    }
                    tbody { @for (index, group) in groups.iter().enumerate() { (row(index, group)) } }
                }
            }
            p.note {
                "Accuracy is pass@1 on held-out tasks where that was measured, else the mean of the first verifier; what is \
                 measured at every step is averaged over the last " (LAST_STEPS) " steps. Seconds a step are the median."
                @if several { " Under them the lowest and the highest of a group's runs." }
            }
        }
    }
}

fn row(index: usize, group: &Group<'_>) -> Markup {
    let accuracies: Vec<_> = group.runs.iter().filter_map(|run| panels::accuracy(&run.metrics)).collect();
    let unit =
        if accuracies.iter().all(|(_, unit)| *unit == Unit::Share) { Unit::Share } else { Unit::Plain };
    let first = accuracies.iter().filter_map(|(line, _)| line.values.values().next().copied()).collect();
    let last = accuracies.iter().filter_map(|(line, _)| last(&line.values, line.look)).collect();
    let last_of = |key: &str| of_runs(group, |metrics| last_sampled(metrics.get(key)?));
    let steps = of_runs(group, |metrics| Some(metrics.last_step() as f64));
    let times = of_runs(group, |metrics| median(metrics.get("step_time")?));
    let total = of_runs(group, |metrics| Some(metrics.get("step_time")?.values().sum()));
    html! {
        tr {
            th { span class=(format!("key {}", chart::colour_class(index))) {} (visible(&group.name)) }
            td.number { (group.runs.len()) }
            td.number { (mean_and_ends(first, |value| format::value(value, unit))) }
            td.number { (mean_and_ends(last, |value| format::value(value, unit))) }
            td.number { (mean_and_ends(last_of("reward"), |value| format::value(value, Unit::Plain))) }
            td.number { (mean_and_ends(last_of("completions/mean_length"), |value| format::value(value, Unit::Tokens))) }
            td.number { (mean_and_ends(steps, |value| format::value(value, Unit::Plain))) }
            td.number { (mean_and_ends(times, |value| format::value(value, Unit::Seconds))) }
            td.number { (mean_and_ends(total, format::duration)) }
        }
    }
}

fn of_runs(group: &Group<'_>, value: impl Fn(&Metrics) -> Option<f64>) -> Vec<f64> {
    group.runs.iter().filter_map(|run| value(&run.metrics)).collect()
}

/// The mean of some numbers, and under it the lowest and the highest where there are several that differ.
fn mean_and_ends(values: Vec<f64>, shown: impl Fn(f64) -> String) -> Markup {
    let Some(low) = values.iter().copied().reduce(f64::min) else { return html! { "–" } };
    let high = values.iter().copied().fold(low, f64::max);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    html! {
        (shown(mean))
        @if low < high { span.range { (shown(low)) "–" (shown(high)) } }
    }
}

fn last(values: &Series, look: Look) -> Option<f64> {
    if look == Look::HeldOut { values.values().next_back().copied() } else { last_sampled(values) }
}

fn last_sampled(values: &Series) -> Option<f64> {
    let last: Vec<f64> = values.values().rev().take(LAST_STEPS).copied().collect();
    (!last.is_empty()).then(|| last.iter().sum::<f64>() / last.len() as f64)
}

fn median(values: &Series) -> Option<f64> {
    let mut values: Vec<f64> = values.values().copied().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// A chart for each metric that at least one run recorded, the held-out ones first.
fn panels_of(groups: &[Group<'_>]) -> Vec<Markup> {
    let mut keys: IndexMap<String, (String, Unit)> = IndexMap::new();
    for run in groups.iter().flat_map(|group| &group.runs) {
        for key in run.metrics.names().into_iter().filter(|key| key.starts_with("eval_pass@")) {
            let title = format!("{}, held out", key.trim_start_matches("eval_"));
            keys.entry(key).or_insert((title, Unit::Share));
        }
        for verifier in run.metrics.names_between("eval_rewards/", "/mean") {
            keys.entry(format!("eval_rewards/{verifier}/mean"))
                .or_insert((format!("Verifier {verifier}, held out"), Unit::Plain));
        }
    }
    let sampled = |title: &str, unit| (title.to_owned(), unit);
    keys.insert("reward".to_owned(), sampled("Reward", Unit::Plain));
    for run in groups.iter().flat_map(|group| &group.runs) {
        for verifier in run.metrics.names_between("rewards/", "/mean") {
            keys.entry(format!("rewards/{verifier}/mean"))
                .or_insert((format!("Verifier {verifier}"), Unit::Plain));
        }
    }
    for (key, title, unit) in [
        ("completions/mean_length", "Completion length", Unit::Tokens),
        ("completions/clipped_ratio", "Completions cut off", Unit::Share),
        ("entropy", "Entropy", Unit::Plain),
        ("kl", "KL", Unit::Plain),
        ("frac_reward_zero_std", "Groups without spread", Unit::Share),
        ("grad_norm", "Gradient norm", Unit::Plain),
        ("step_time", "Time per step", Unit::Seconds),
    ] {
        keys.insert(key.to_owned(), sampled(title, unit));
    }
    keys.iter().filter_map(|(key, (title, unit))| panel(key, title, *unit, groups)).collect()
}

fn panel(key: &str, title: &str, unit: Unit, groups: &[Group<'_>]) -> Option<Markup> {
    let look = if key.starts_with("eval_") { Look::HeldOut } else { Look::Exact };
    let lines: Vec<Line> = groups
        .iter()
        .enumerate()
        .filter_map(|(colour, group)| {
            let series: Vec<Series> = group
                .runs
                .iter()
                .filter_map(|run| {
                    let values = run.metrics.get(key)?;
                    Some(if look == Look::HeldOut { values.clone() } else { chart::smoothed(values) })
                })
                .collect();
            let (values, spread) = mean_and_range(&series)?;
            Some(Line { label: group.name.clone(), colour, values, look, spread })
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    Some(html! {
        figure {
            figcaption { h3 { (visible(title)) } }
            ul.legend { @for line in &lines { li class=(chart::colour_class(line.colour)) { (visible(&line.label)) } } }
            (chart::lines(title, &lines, unit, Size::WIDE, &[]))
        }
    })
}

/// The mean of some series at the steps that all of them have, and from where to where they reach if there are several.
/// Where a run ended early, what the others did after it would otherwise be a jump.
fn mean_and_range(series: &[Series]) -> Option<(Series, Option<chart::Spread>)> {
    let first = series.first()?;
    let mut mean = Series::new();
    let mut spread = chart::Spread::new();
    for step in first.keys() {
        let values: Option<Vec<f64>> = series.iter().map(|values| values.get(step).copied()).collect();
        let Some(values) = values else { continue };
        mean.insert(*step, values.iter().sum::<f64>() / values.len() as f64);
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        spread.insert(*step, (low, high));
    }
    (!mean.is_empty()).then(|| (mean, (series.len() > 1).then_some(spread)))
}

/// What differs between the groups, and the settings of each.
fn settings(groups: &[Group<'_>]) -> Markup {
    html! {
        section {
            h2 { "Runs" }
            @for group in groups {
                details {
                    summary { (visible(&group.name)) }
                    @for run in &group.runs { p { (visible(&run.name)) } }
                    @if let Some(settings) = &group.runs[0].settings { pre { (visible(settings)) } }
                }
            }
        }
    }
}
