//! Which metrics of a run belong together in one chart, and what the chart says they are.

use maud::Markup;

use gavel_verify::Status;

use crate::alarms::{Alarms, Span};
use crate::chart::{self, Layer, Line, Look, Size};
use crate::format::Unit;
use crate::run::{Metrics, Series};

/// How the counts of completions without reward begin.
const NO_REWARD: &str = "reward/none/";

/// The share of held-out tasks that the policy solves at the first try.
const HELD_OUT_ACCURACY: &str = "eval_pass@1";

/// A headline with the charts under it.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) note: &'static str,
    pub(crate) panels: Vec<Panel>,
    /// Shown under the charts: a rare outcome does not show in a chart.
    pub(crate) totals: Option<Totals>,
    /// Shown three abreast, where there are many and each is minor.
    pub(crate) small: bool,
}

/// One chart with its words.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) note: String,
    /// CSS class and label of each curve; empty where the title says it all.
    pub(crate) legend: Vec<(String, String)>,
    pub(crate) chart: Markup,
}

/// How often each kind of outcome came up, over all steps that were logged.
pub(crate) struct Totals {
    /// The kinds that came up at all.
    pub(crate) statuses: Vec<Status>,
    /// A verifier and its counts, one per kind.
    pub(crate) rows: Vec<(String, Vec<f64>)>,
}

/// Sorts every metric of a run into a chart. What the run did not record is left out, and what no chart asks for
/// gets one of its own in the last section.
pub(crate) fn sections(metrics: &Metrics) -> Vec<Section> {
    let mut rest = metrics.clone();
    let bands = Alarms::take(&mut rest).spans();
    let section = |title, note, panels| Section { title, note, panels, totals: None, small: false };
    let mut sections = vec![
        section(
            "Learning",
            "What the policy is worth, and how it writes. Thin lines are single steps, thick lines their moving \
             mean; dashed lines with dots are measured on held-out tasks.",
            learning(&mut rest, &bands),
        ),
        Section {
            totals: totals(metrics),
            ..section(
                "Verdicts",
                "What became of the submissions at each verifier. Without verdict, the reward file says what a \
                 submission is worth.",
                verdict_kinds(&mut rest),
            )
        },
        Section {
            small: true,
            ..section(
                "Metrics of the verifiers",
                "What the plugins measure besides the reward, averaged over the submissions of a step.",
                verifier_metrics(&mut rest),
            )
        },
        section("Optimisation", "How far each step moves the policy.", optimisation(&mut rest)),
        section("Time", "Where the seconds go.", time(&mut rest)),
    ];
    let others = section(
        "Everything else",
        "What the run recorded besides, unless it was 0 throughout.",
        others(&mut rest),
    );
    sections.push(Section { small: true, ..others });
    sections.retain(|section| !section.panels.is_empty());
    sections
}

/// The series that says best how many answers are right: on held-out tasks where it was measured a few times, and
/// otherwise that of the first verifier of the reward file.
pub(crate) fn accuracy(metrics: &Metrics) -> Option<(Line, Unit)> {
    let held_out = metrics.get(HELD_OUT_ACCURACY).filter(|series| series.len() > 2);
    let values = match held_out {
        Some(series) => series,
        None => metrics.get(&format!("rewards/{}/mean", first_verifier(metrics)?))?,
    };
    let label = if held_out.is_some() { "accuracy on held-out tasks" } else { "accuracy" };
    let look = if held_out.is_some() { Look::HeldOut } else { Look::Sampled };
    let line = Line::new(label, 0, values.clone(), look);
    Some((line, share_if_fraction(values)))
}

/// The mean length of completions.
pub(crate) fn length(metrics: &Metrics) -> Option<(Line, Unit)> {
    let values = metrics.get("completions/mean_length")?.clone();
    Some((Line::new("completion length", 1, values, Look::Sampled), Unit::Tokens))
}

/// The verifier called `accuracy`, or the first one.
fn first_verifier(metrics: &Metrics) -> Option<String> {
    let names = metrics.names_between("rewards/", "/mean");
    names.iter().find(|name| *name == "accuracy").or(names.first()).cloned()
}

/// The verifiers of which the run recorded anything, in the order of the reward file.
fn verifiers(metrics: &Metrics) -> Vec<String> {
    let mut names = metrics.names_between("rewards/", "/mean");
    for status in Status::ALL {
        for name in metrics.names_between("verify/", &format!("/{status}")) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn learning(rest: &mut Metrics, bands: &[Span]) -> Vec<Panel> {
    let panel =
        |title: &str, note: &str, lines: Vec<Line>, unit: Unit| banded(title, note, lines, unit, bands);
    let mut panels = Vec::new();
    let reward = curves(rest, &[("reward", "reward")]);
    panels.extend(panel("Reward", "Mean of the formula in the reward file.", reward, Unit::Plain));
    let means = components(rest, "mean");
    panels.extend(panel("Components of the reward", "Mean of each, before its weight.", means, Unit::Plain));

    let verifiers = rest.names_between("rewards/", "/mean");
    let (shares, others): (Vec<_>, Vec<_>) =
        verifiers.into_iter().partition(|name| rest.is_all_or_nothing(name));
    let keys = |names: Vec<String>| -> Vec<(String, String)> {
        names.into_iter().map(|name| (format!("rewards/{name}/mean"), name)).collect()
    };
    let (shares, others) = (curves(rest, &keys(shares)), curves(rest, &keys(others)));
    panels.extend(panel(
        "Accuracy per verifier",
        "Share of completions that each verifier gives 1, of those that give 0 or 1.",
        shares,
        Unit::Share,
    ));
    panels.extend(panel(
        "Reward per verifier",
        "Mean of what each verifier gives, of those that give other numbers than 0 and 1.",
        others,
        Unit::Plain,
    ));

    panels.extend(panel(
        "Held-out tasks",
        "Share that is solved: within k tries (pass@k), or by the most frequent of k answers (majority@k).",
        held_out_shares(rest),
        Unit::Share,
    ));

    let lengths = curves(
        rest,
        &[
            ("completions/mean_length", "all"),
            ("completions/mean_terminated_length", "that ended by themselves"),
        ],
    );
    panels.extend(panel(
        "Completion length",
        "Mean number of tokens that the policy wrote.",
        lengths,
        Unit::Tokens,
    ));

    let clipped = curves(rest, &[("completions/clipped_ratio", "cut off")]);
    panels.extend(panel(
        "Completions cut off",
        "Share that reached the length limit before their end.",
        clipped,
        Unit::Share,
    ));
    let entropy = curves(rest, &[("entropy", "entropy")]);
    panels.extend(panel(
        "Entropy",
        "Mean per token, in nats; near 0 the policy tries nothing new.",
        entropy,
        Unit::Plain,
    ));
    let spread = curves(rest, &[("reward_std", "reward_std")]);
    panels.extend(panel(
        "Spread of the reward",
        "Standard deviation over the submissions of a step.",
        spread,
        Unit::Plain,
    ));
    let spreads = components(rest, "std");
    panels.extend(panel(
        "Spread of the components",
        "Standard deviation of each over the submissions of a step, before its weight.",
        spreads,
        Unit::Plain,
    ));
    let idle = curves(rest, &[("frac_reward_zero_std", "no spread")]);
    panels.extend(panel(
        "Groups without spread",
        "Share of groups that teach nothing, since all their rewards are equal.",
        idle,
        Unit::Share,
    ));
    panels
}

/// A line for each named part of the reward: its `mean` or `std`.
fn components(rest: &mut Metrics, of: &str) -> Vec<Line> {
    let names = rest.names_between("reward/component/", &format!("/{of}")).into_iter();
    let keys: Vec<_> = names.map(|name| (format!("reward/component/{name}/{of}"), name)).collect();
    curves(rest, &keys)
}

fn held_out_shares(rest: &mut Metrics) -> Vec<Line> {
    let mut lines = Vec::new();
    for key in rest.names() {
        let label = key
            .strip_prefix("eval_")
            .filter(|name| name.starts_with("pass@") || name.starts_with("majority@"));
        if let (Some(label), Some(values)) = (label, rest.get(&key)) {
            lines.push(Line::new(label, lines.len(), values.clone(), Look::HeldOut));
            rest.take(&key);
        }
    }
    lines
}

fn optimisation(rest: &mut Metrics) -> Vec<Panel> {
    let mut panels = Vec::new();
    let kl = curves(rest, &[("kl", "kl")]);
    panels.extend(panel("KL", "Divergence from the reference policy per token, in nats.", kl, Unit::Plain));
    let clip = curves(
        rest,
        &[
            ("clip_ratio/region_mean", "clipped"),
            ("clip_ratio/low_mean", "below 1 − epsilon"),
            ("clip_ratio/high_mean", "above 1 + epsilon_high"),
        ],
    );
    panels.extend(panel(
        "Clip fraction",
        "Share of tokens whose probability ratio was clipped.",
        clip,
        Unit::Share,
    ));
    let loss = curves(rest, &[("loss", "loss"), ("policy_loss", "policy loss")]);
    panels.extend(panel("Loss", "Not a measure of progress in policy gradients.", loss, Unit::Plain));
    let gradient = curves(rest, &[("grad_norm", "norm")]);
    panels.extend(panel("Gradient norm", "Before clipping.", gradient, Unit::Plain));
    let rate = curves(rest, &[("learning_rate", "rate")]);
    panels.extend(panel("Learning rate", "As scheduled.", rate, Unit::Plain));
    panels
}

fn verdict_kinds(rest: &mut Metrics) -> Vec<Panel> {
    let mut panels: Vec<Panel> = missing_rewards(rest).into_iter().collect();
    for verifier in verifiers(rest) {
        let mut layers = Vec::new();
        for &status in Status::ALL {
            let values = rest.take(&format!("verify/{verifier}/{status}"));
            if let Some(values) = values.filter(|values| values.values().any(|&count| count > 0.0)) {
                layers.push(Layer { label: status.to_string(), class: status_class(status.name()), values });
            }
        }
        panels.extend(stacked(
            &verifier,
            "Submissions by kind of outcome, added up over the steps of a row.",
            layers,
            Unit::Submissions,
        ));
    }
    panels
}

fn missing_rewards(rest: &mut Metrics) -> Option<Panel> {
    let mut layers = Vec::new();
    for kind in rest.names_between(NO_REWARD, "") {
        let values = rest.take(&format!("{NO_REWARD}{kind}")).unwrap_or_default();
        if values.values().any(|&count| count > 0.0) {
            layers.push(Layer { class: chart::colour_class(layers.len()), label: kind, values });
        }
    }
    let note = "Completions that training leaves out, by why; `host-failed` is this machine's doing.";
    stacked("Without reward", note, layers, Unit::Submissions)
}

fn totals(metrics: &Metrics) -> Option<Totals> {
    let total = |verifier: &str, status: Status| -> f64 {
        metrics.get(&format!("verify/{verifier}/{status}")).map_or(0.0, |counts| counts.values().sum())
    };
    let verifiers = verifiers(metrics);
    let mut statuses = Status::ALL.to_vec();
    statuses.retain(|&status| verifiers.iter().any(|verifier| total(verifier, status) > 0.0));
    let row = |verifier: String| {
        let counts = statuses.iter().map(|&status| total(&verifier, status)).collect();
        (verifier, counts)
    };
    let rows = verifiers.into_iter().map(row).collect();
    (!statuses.is_empty()).then_some(Totals { statuses, rows })
}

fn verifier_metrics(rest: &mut Metrics) -> Vec<Panel> {
    let mut panels = Vec::new();
    for key in rest.names() {
        let name = key.strip_prefix("verify/").and_then(|key| key.split_once("/metric/"));
        let Some((verifier, metric)) = name else { continue };
        panels.extend(single(rest, &key, metric, verifier));
    }
    panels
}

fn time(rest: &mut Metrics) -> Vec<Panel> {
    // The verifiers work while the policy still writes: their time is no part of the step's.
    let judging = curves(rest, &[("time/score", "score")]);
    let mut layers = Vec::new();
    for phase in rest.names_between("time/", "") {
        let values = rest.take(&format!("time/{phase}")).unwrap_or_default();
        layers.push(Layer { class: chart::colour_class(layers.len()), label: phase, values });
    }
    let phases =
        stacked("Time per phase", "Seconds of each step, one phase after the other.", layers, Unit::Seconds);
    let mut panels: Vec<Panel> = phases.into_iter().collect();
    let step = curves(rest, &[("step_time", "step")]);
    panels.extend(panel("Time per step", "Evaluation and saving apart.", step, Unit::Seconds));
    let note = "All verifiers added up; they work while the policy still writes.";
    panels.extend(panel("Time of the verifiers", note, judging, Unit::Seconds));
    let tokens = curves(rest, &[("num_tokens", "tokens")]);
    panels.extend(panel("Tokens", "Prompts and completions since the start.", tokens, Unit::Tokens));
    panels
}

fn others(rest: &mut Metrics) -> Vec<Panel> {
    let mut panels = Vec::new();
    for key in rest.names() {
        let zero = rest.get(&key).is_none_or(|values| values.values().all(|&value| value == 0.0));
        if !zero {
            panels.extend(single(rest, &key, &key, ""));
        }
    }
    panels
}

/// Takes metrics out of `rest`, each with what was measured of it on held-out tasks.
fn curves<S: AsRef<str>>(rest: &mut Metrics, keys: &[(S, S)]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (colour, (key, label)) in keys.iter().enumerate() {
        let (key, label) = (key.as_ref(), label.as_ref());
        if let Some(values) = rest.take(key) {
            lines.push(Line::new(label, colour, values, look_of(key)));
        }
        if let Some(values) = rest.take(&format!("eval_{key}")) {
            lines.push(Line::new(format!("{label}, held out"), colour, values, Look::HeldOut));
        }
    }
    lines
}

fn panel(title: &str, note: &str, lines: Vec<Line>, unit: Unit) -> Option<Panel> {
    banded(title, note, lines, unit, &[])
}

fn banded(title: &str, note: &str, lines: Vec<Line>, unit: Unit, bands: &[Span]) -> Option<Panel> {
    if lines.is_empty() {
        return None;
    }
    let legend = lines.iter().map(|line| {
        let style = if line.look == Look::HeldOut { " held-out" } else { "" };
        (chart::colour_class(line.colour) + style, line.label.clone())
    });
    Some(Panel {
        title: title.to_owned(),
        note: note.to_owned(),
        legend: if lines.len() > 1 { legend.collect() } else { Vec::new() },
        chart: chart::lines(title, &lines, unit, Size::WIDE, bands),
    })
}

fn single(rest: &mut Metrics, key: &str, title: &str, note: &str) -> Option<Panel> {
    let values = rest.take(key)?;
    let line = Line::new(title, 0, values, look_of(key));
    let chart = chart::lines(title, &[line], Unit::Plain, Size::SMALL, &[]);
    Some(Panel { title: title.to_owned(), note: note.to_owned(), legend: Vec::new(), chart })
}

fn stacked(title: &str, note: &str, layers: Vec<Layer>, unit: Unit) -> Option<Panel> {
    if layers.is_empty() {
        return None;
    }
    Some(Panel {
        title: title.to_owned(),
        note: note.to_owned(),
        legend: layers.iter().map(|layer| (format!("{} layer", layer.class), layer.label.clone())).collect(),
        chart: chart::stack(title, &layers, unit, Size::WIDE),
    })
}

fn look_of(key: &str) -> Look {
    match key {
        "learning_rate" | "num_tokens" | "epoch" => Look::Exact,
        key if key.starts_with("eval_") => Look::HeldOut,
        _ => Look::Sampled,
    }
}

/// The CSS class of a kind of outcome; of nothing, when the name is not one of a kind.
pub(crate) fn status_class(name: &str) -> String {
    let known = Status::ALL.iter().any(|status| status.name() == name);
    if known { format!("s-{name}") } else { "s-unknown".to_owned() }
}

/// The unit of numbers that are shares of one as far as can be seen.
pub(crate) fn share_if_fraction(values: &Series) -> Unit {
    let fraction = values.values().all(|value| (0.0..=1.0).contains(value));
    if fraction { Unit::Share } else { Unit::Plain }
}
