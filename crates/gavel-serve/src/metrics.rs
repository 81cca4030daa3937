//! `GET /metrics`, in Prometheus's text format.

use std::fmt::{self, Write};
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use gavel_verify::{Reward as _, Status};

use crate::app::App;
use crate::shared::{self, Report};
use crate::stats::{BOUNDS, Counts};

pub(crate) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write(&app, &mut text);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// Names of rewards, verifiers and statuses are such that none needs an escape.
fn write(app: &App, out: &mut String) -> fmt::Result {
    let report = shared::report(app);
    let counts = &report.counts;
    head(out, "gavel_requests_total", "counter", "Requests that were answered.")?;
    for (endpoint, statuses) in &counts.requests {
        for (status, count) in statuses {
            writeln!(out, "gavel_requests_total{{endpoint=\"{endpoint}\",status=\"{status}\"}} {count}")?;
        }
    }
    head(out, "gavel_request_seconds", "histogram", "How long requests took.")?;
    for (endpoint, latencies) in &counts.latencies {
        let mut below = 0;
        for (bound, count) in BOUNDS.iter().zip(&latencies.buckets) {
            below += count;
            let labels = format!("endpoint=\"{endpoint}\",le=\"{bound}\"");
            writeln!(out, "gavel_request_seconds_bucket{{{labels}}} {below}")?;
        }
        let (all, sum) = (latencies.count(), latencies.sum);
        writeln!(out, "gavel_request_seconds_bucket{{endpoint=\"{endpoint}\",le=\"+Inf\"}} {all}")?;
        writeln!(out, "gavel_request_seconds_sum{{endpoint=\"{endpoint}\"}} {sum}")?;
        writeln!(out, "gavel_request_seconds_count{{endpoint=\"{endpoint}\"}} {all}")?;
    }
    write_rewards(app, counts, out)?;
    write_judges(app, out)?;
    head(
        out,
        "gavel_verdict_cache_total",
        "counter",
        "Whether a verdict was known already; with --verdict-cache.",
    )?;
    for (result, count) in [("hit", report.verdicts.hits), ("miss", report.verdicts.misses)] {
        writeln!(out, "gavel_verdict_cache_total{{result=\"{result}\"}} {count}")?;
    }
    head(out, "gavel_process_starts_total", "counter", "How often its processes were started.")?;
    writeln!(out, "gavel_process_starts_total {}", report.starts)?;
    write_state(app, &report, out)
}

fn write_state(app: &App, report: &Report, out: &mut String) -> fmt::Result {
    for (name, help, value) in [
        ("gavel_requests_in_flight", "Requests that are being answered.", report.in_flight as f64),
        ("gavel_sessions", "Sessions over a WebSocket that are open.", report.sessions as f64),
        ("gavel_waiting_submissions", "Submissions that wait for a thread.", report.waiting as f64),
        ("gavel_waiting_bytes", "Bytes of submissions that wait.", report.waiting_bytes as f64),
        ("gavel_verdict_cache_bytes", "Bytes of verdicts that are kept.", report.verdicts.bytes as f64),
        ("gavel_workers", "Threads that judge.", report.workers as f64),
        ("gavel_processes", "Processes that answer.", report.processes as f64),
        ("gavel_up_seconds", "Time since the start.", app.stats.started.elapsed().as_secs_f64()),
    ] {
        head(out, name, "gauge", help)?;
        writeln!(out, "{name} {value}")?;
    }
    Ok(())
}

/// What judges were asked since their reward was loaded, and what that cost.
fn write_judges(app: &App, out: &mut String) -> fmt::Result {
    let rewards = app.rewards.iter();
    let judges: Vec<_> = rewards
        .flat_map(|(name, reward)| {
            let counts = reward.current().judge_counts().into_iter();
            counts
                .map(move |(verifier, counts)| (format!("reward=\"{name}\",verifier=\"{verifier}\""), counts))
        })
        .collect();
    if judges.is_empty() {
        return Ok(());
    }
    head(out, "gavel_judge_calls_total", "counter", "Submissions that a judge was asked about.")?;
    for (labels, counts) in &judges {
        for (result, count) in [("answered", counts.calls - counts.failed), ("failed", counts.failed)] {
            writeln!(out, "gavel_judge_calls_total{{{labels},result=\"{result}\"}} {count}")?;
        }
    }
    head(out, "gavel_judge_retries_total", "counter", "Attempts after the first.")?;
    for (labels, counts) in &judges {
        writeln!(out, "gavel_judge_retries_total{{{labels}}} {}", counts.retries)?;
    }
    head(out, "gavel_judge_tokens_total", "counter", "Tokens of questions and answers.")?;
    for (labels, counts) in &judges {
        for (kind, count) in [("prompt", counts.prompt_tokens), ("completion", counts.completion_tokens)] {
            writeln!(out, "gavel_judge_tokens_total{{{labels},kind=\"{kind}\"}} {count}")?;
        }
    }
    head(out, "gavel_judge_cost_total", "counter", "What they cost, where a price is known.")?;
    for (labels, counts) in &judges {
        writeln!(out, "gavel_judge_cost_total{{{labels}}} {}", counts.cost)?;
    }
    Ok(())
}

fn write_rewards(app: &App, counts: &Counts, out: &mut String) -> fmt::Result {
    head(out, "gavel_submissions_total", "counter", "Submissions that were judged.")?;
    for reward in &counts.rewards {
        writeln!(out, "gavel_submissions_total{{reward=\"{}\"}} {}", reward.name, reward.submissions)?;
    }
    head(out, "gavel_reward_sum", "gauge", "Sum of the rewards of those that have one.")?;
    for reward in &counts.rewards {
        writeln!(out, "gavel_reward_sum{{reward=\"{}\"}} {}", reward.name, reward.sum)?;
    }
    head(
        out,
        "gavel_without_reward_total",
        "counter",
        "Submissions that have no reward, by the kind of reason.",
    )?;
    for reward in &counts.rewards {
        for (kind, count) in &reward.without {
            writeln!(
                out,
                "gavel_without_reward_total{{reward=\"{}\",kind=\"{kind}\"}} {count}",
                reward.name
            )?;
        }
    }
    head(out, "gavel_outcomes_total", "counter", "Outcomes, by verifier and status.")?;
    for reward in &counts.rewards {
        for (verifier, outcomes) in &reward.verifiers {
            for (status, count) in Status::ALL.iter().zip(outcomes).filter(|(_, count)| **count > 0) {
                let labels =
                    format!("reward=\"{}\",verifier=\"{verifier}\",status=\"{status}\"", reward.name);
                writeln!(out, "gavel_outcomes_total{{{labels}}} {count}")?;
            }
        }
    }
    head(out, "gavel_reloads_total", "counter", "Changes of a reward that were taken up, or refused.")?;
    for reward in &counts.rewards {
        for (result, count) in [("changed", reward.reloads), ("refused", reward.refused)] {
            writeln!(out, "gavel_reloads_total{{reward=\"{}\",result=\"{result}\"}} {count}", reward.name)?;
        }
    }
    head(out, "gavel_plugin_info", "gauge", "What judges: 1 for each plugin and interpreter.")?;
    for (name, reward) in &app.rewards {
        for (verifier, digest) in reward.digests() {
            let labels = format!("reward=\"{name}\",verifier=\"{verifier}\",digest=\"{digest}\"");
            writeln!(out, "gavel_plugin_info{{{labels}}} 1")?;
        }
    }
    Ok(())
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")
}
