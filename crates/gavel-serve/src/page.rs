//! The page at `/`, for a person: what judges, how fast, what came of it, and a form to try a completion.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use gavel_verify::{Outcome, Reward as _, Score, Status, Submission, visible};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Deserialize;

use crate::app::App;
use crate::error::ApiError;
use crate::history::History;
use crate::judge::judge_one;
use crate::payload::Asked;
use crate::shared;
use crate::stats::{Counts, OfReward};

/// The page needs nothing from anywhere, and is shown in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The kinds of outcomes as the page draws them, from the ground up.
const KINDS: [(&str, &str, &[Status]); 4] = [
    ("verdict", "ok", &[Status::Verdict]),
    ("not judged", "quiet", &[Status::Skipped, Status::Abstained]),
    ("a limit reached", "limit", &[Status::OutOfFuel, Status::OutOfMemory, Status::OutputTooLarge]),
    (
        "failed",
        "bad",
        &[
            Status::InvalidTask,
            Status::InternalError,
            Status::Deadline,
            Status::Trap,
            Status::Refused,
            Status::HostFailed,
        ],
    ),
];

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Tried {
    reward: String,
    #[serde(default)]
    prompt: String,
    completion: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    metadata: String,
}

pub(crate) async fn page(State(app): State<Arc<App>>) -> Response {
    respond(&app, &Tried::default(), None)
}

/// Judges what the form holds, and shows the page with what came of it.
pub(crate) async fn judge(
    State(app): State<Arc<App>>,
    asked: Asked,
    form: Result<Form<Tried>, FormRejection>,
) -> Result<Response, ApiError> {
    let Form(tried) = form.map_err(|error| ApiError::WrongType(error.body_text()))?;
    let chosen = app.choose(Some(&tried.reward))?;
    // Lines end in two characters where a form is sent.
    let lines = |text: &str| text.replace("\r\n", "\n");
    let submission = Submission {
        prompt: lines(&tried.prompt),
        completion: lines(&tried.completion),
        reference: (!tried.reference.is_empty()).then(|| lines(&tried.reference)),
        metadata: tried.metadata.trim().to_owned(),
    };
    let score = judge_one(&app, &chosen, submission, asked.client).await?;
    Ok(respond(&app, &tried, Some(&score)))
}

fn respond(app: &App, tried: &Tried, score: Option<&Score>) -> Response {
    let mut response = axum::response::Html(render(app, tried, score).into_string()).into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

fn render(app: &App, tried: &Tried, score: Option<&Score>) -> Markup {
    let report = shared::report(app);
    let counts = &report.counts;
    let up = app.stats.started.elapsed().as_secs();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "gavel serve" }
                style { (PreEscaped(include_str!("page.css"))) }
            }
            body {
                header {
                    h1 { "gavel serve" }
                    p {
                        "version " (env!("CARGO_PKG_VERSION")) " · up " (duration(up)) " · "
                        (report.workers) " threads"
                        @if report.processes > 1 { " in " (report.processes) " processes" }
                        " · " (report.waiting) " submissions wait · "
                        a href="metrics" { "metrics" } " · " a href="openapi.json" { "OpenAPI" }
                    }
                }
                main {
                    (rewards(app, counts))
                    (try_it(app, tried, score))
                    (history(&counts.history))
                    (requests(counts, up))
                }
            }
        }
    }
}

fn rewards(app: &App, counts: &Counts) -> Markup {
    html! {
        section {
            h2 { "Rewards" }
            @for (reward, of_reward) in app.rewards.values().zip(&counts.rewards) {
                article {
                    h3 { (of_reward.name) }
                    p { (summary(of_reward)) }
                    table {
                        thead { tr { th { "verifier" } th { "digest" } th { "outcomes" } } }
                        tbody {
                            @for (name, digest) in reward.digests() {
                                tr {
                                    td { (visible(&name)) }
                                    td { code title=(digest) { (digest.get(..12).unwrap_or(&digest)) } }
                                    td { (outcomes(of_reward, &name)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn summary(of_reward: &OfReward) -> String {
    let OfReward { submissions, rewarded, sum, reloads, refused, .. } = of_reward;
    let mut said = vec![format!("{submissions} submissions")];
    if *rewarded > 0 {
        said.push(format!("mean reward {:.4}", sum / *rewarded as f64));
    }
    said.extend(of_reward.without.iter().map(|(kind, count)| format!("{count} without reward: {kind}")));
    for (count, what) in [(reloads, "reloaded"), (refused, "change refused")] {
        if *count > 0 {
            said.push(format!("{what} {count} times"));
        }
    }
    said.join(" · ")
}

fn outcomes(of_reward: &OfReward, verifier: &str) -> String {
    let counts = of_reward.verifiers.get(verifier).into_iter().flatten();
    let counts = Status::ALL.iter().zip(counts).filter(|(_, count)| **count > 0);
    counts.map(|(status, count)| format!("{status} {count}")).collect::<Vec<_>>().join(", ")
}

fn try_it(app: &App, tried: &Tried, score: Option<&Score>) -> Markup {
    html! {
        section id="try" {
            h2 { "Try a completion" }
            form method="post" action="#try" {
                label { "reward" select name="reward" {
                    @for name in app.rewards.keys() {
                        option value=(name) selected[*name == tried.reward] { (name) }
                    }
                } }
                label { "prompt" textarea name="prompt" rows="2" { (tried.prompt) } }
                label { "completion" textarea name="completion" rows="6" required { (tried.completion) } }
                label { "reference" textarea name="reference" rows="2" { (tried.reference) } }
                label { "other columns, a JSON object" textarea name="metadata" rows="2" { (tried.metadata) } }
                button type="submit" { "Judge" }
            }
            @if let Some(score) = score { (verdicts(score)) }
        }
    }
}

fn verdicts(score: &Score) -> Markup {
    html! {
        div.result role="status" {
            @match &score.reward {
                Ok(reward) => p.reward { "reward " strong { (reward) } },
                Err(why) => p.reward.bad { "no reward: " (visible(&why.to_string())) },
            }
            table {
                thead { tr { th { "verifier" } th { "outcome" } th { "reward" } th { "reason" } th { "metrics" } th { "ms" } } }
                tbody {
                    @for (name, outcome) in &score.outcomes { (verdict(name, outcome)) }
                }
            }
        }
    }
}

fn verdict(name: &str, outcome: &Outcome) -> Markup {
    let (reason, metrics) = match &outcome.result {
        Ok(verdict) => (verdict.reason.clone().unwrap_or_default(), verdict.metrics.as_slice()),
        Err(failure) => (failure.to_string(), [].as_slice()),
    };
    html! {
        tr {
            td { (name) }
            td class=(class_of(outcome.status())) { (outcome.status()) }
            td { @if let Some(reward) = outcome.reward() { (reward) } }
            td { (visible(&reason)) }
            td { @for (name, value) in metrics { span.metric { (visible(name)) " " (value) } " " } }
            td.ms { (format!("{:.2}", outcome.elapsed.as_secs_f64() * 1e3)) }
        }
    }
}

fn class_of(status: Status) -> &'static str {
    KINDS.iter().find(|(_, _, statuses)| statuses.contains(&status)).map_or("bad", |(_, class, _)| class)
}

/// A bar for each minute, of outcomes by their kind.
fn history(history: &History) -> Markup {
    const HEIGHT: f64 = 80.0;
    let minutes: Vec<[u64; KINDS.len()]> = history
        .minutes()
        .map(|minute| {
            KINDS.map(|(_, _, statuses)| {
                let counts = Status::ALL.iter().zip(&minute.outcomes);
                counts.filter(|(status, _)| statuses.contains(status)).map(|(_, count)| count).sum()
            })
        })
        .collect();
    let most = minutes.iter().map(|kinds| kinds.iter().sum::<u64>()).max().unwrap_or(0).max(1);
    html! {
        section {
            h2 { "Outcomes by the minute" }
            @if minutes.iter().flatten().all(|count| *count == 0) {
                p { "None yet." }
            } @else {
                svg viewBox=(format!("0 0 600 {HEIGHT}")) role="img" aria-label="outcomes by the minute, the last hour" {
                    @for (place, kinds) in minutes.iter().enumerate() {
                        g {
                            title { (told(kinds)) }
                            @for (kind, (_, class, _)) in KINDS.iter().enumerate() {
                                @let below: u64 = kinds[..kind].iter().sum();
                                @let height = HEIGHT * kinds[kind] as f64 / most as f64;
                                @let top = HEIGHT * (1.0 - below as f64 / most as f64) - height;
                                rect class=(class) x=(10 * (60 - minutes.len() + place)) y=(format!("{top:.1}")) width="9"
                                    height=(format!("{height:.1}")) {}
                            }
                        }
                    }
                }
                p.legend { "at most " (most) " a minute: " @for (name, class, _) in KINDS { span class=(class) { (name) } " " } }
            }
        }
    }
}

fn told(kinds: &[u64; KINDS.len()]) -> String {
    let told = KINDS.iter().zip(kinds).filter(|(_, count)| **count > 0);
    told.map(|((name, ..), count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

fn requests(counts: &Counts, up: u64) -> Markup {
    let bound = |seconds: Option<f64>| match seconds {
        None => String::new(),
        Some(seconds) if seconds.is_infinite() => "more".to_owned(),
        Some(seconds) => format!("≤ {} ms", seconds * 1e3),
    };
    html! {
        section {
            h2 { "Requests" }
            table {
                thead { tr { th { "path" } th { "requests" } th { "a second" } th { "half took" } th { "99 % took" } th { "statuses" } } }
                tbody {
                    @for (endpoint, latencies) in &counts.latencies {
                        tr {
                            td { code { (endpoint) } }
                            td { (latencies.count()) }
                            td { (format!("{:.1}", latencies.count() as f64 / up.max(1) as f64)) }
                            td { (bound(latencies.quantile(0.5))) }
                            td { (bound(latencies.quantile(0.99))) }
                            td { @for (status, count) in counts.requests.get(endpoint).into_iter().flatten() {
                                (status) ": " (count) " "
                            } }
                        }
                    }
                }
            }
        }
    }
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}
