//! The page of an audit: what verifiers say beside what people say, as a table by bucket, and where they err.

use gavel_verify::visible;
use gavel_wire::compare::{Audit, AuditExample, Confusion, Share, VerifierAudit};
use maud::{Markup, html};

use crate::page::{document, untrusted};

/// Draws the page of an audit of the rows in `input`.
pub(crate) fn render(audit: &Audit, input: &str) -> Markup {
    let input = visible(input);
    let main = html! {
        @for (name, verifier) in &audit.verifiers { (section(audit, name, verifier)) }
    };
    document(&format!("{input} · gavel audit"), "gavel · audit", &input, &facts(audit), &main)
}

fn facts(audit: &Audit) -> String {
    let mut facts = vec![format!("{} rows", audit.rows), format!("labelled by {}", audit.label)];
    facts.extend(audit.by.as_ref().map(|by| format!("by {by}")));
    if audit.bad_lines > 0 {
        facts.push(format!("{} lines without submission or label", audit.bad_lines));
    }
    facts.join(" · ")
}

fn section(audit: &Audit, name: &str, verifier: &VerifierAudit) -> Markup {
    let all = &verifier.all;
    html! {
        section {
            h2 { (visible(name)) }
            p.note {
                "A verdict of 1 or more says right, a lower one wrong. The intervals hold the true share in 95 of 100 \
                 audits of so many rows."
            }
            div.tiles {
                (tile("false positives: wrong, and called right", all.false_positives, all.wrong(), all.false_positive_rate()))
                (tile("false negatives: right, and called wrong", all.false_negatives, all.right(), all.false_negative_rate()))
                (tile("no verdict", all.without_verdict(), all.rows(), None))
            }
            (table(audit.by.as_deref(), verifier))
            (examples(name, "False positives", &verifier.false_positives, all.false_positives))
            (examples(name, "False negatives", &verifier.false_negatives, all.false_negatives))
        }
    }
}

fn tile(name: &str, count: u64, of: u64, share: Option<Share>) -> Markup {
    html! {
        div.tile {
            p.name { (name) }
            p.change { (count) span.before { " of " (of) } }
            @if let Some(share) = share { p.delta { (percent(share.value)) ", " (interval(share)) } }
        }
    }
}

fn table(by: Option<&str>, verifier: &VerifierAudit) -> Markup {
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        th { (visible(by.unwrap_or(""))) }
                        th.number { "rows" }
                        th.number { "right" }
                        th.number { "false negatives" }
                        th.number { "wrong" }
                        th.number { "false positives" }
                        th.number { "no verdict" }
                    }
                }
                tbody {
                    (line("all", &verifier.all))
                    @for (bucket, confusion) in &verifier.buckets { (line(bucket, confusion)) }
                }
            }
        }
    }
}

fn line(name: &str, confusion: &Confusion) -> Markup {
    html! {
        tr {
            th { (visible(name)) }
            td.number { (confusion.rows()) }
            td.number { (confusion.right()) }
            td.number { (rate(confusion.false_negatives, confusion.false_negative_rate())) }
            td.number { (confusion.wrong()) }
            td.number { (rate(confusion.false_positives, confusion.false_positive_rate())) }
            td.number { (confusion.without_verdict()) }
        }
    }
}

fn rate(count: u64, share: Option<Share>) -> Markup {
    html! {
        (count)
        @if let Some(share) = share { " " span.label { "(" (percent(share.value)) ", " (interval(share)) ")" } }
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn interval(share: Share) -> String {
    format!("{:.1}–{:.1}", share.low * 100.0, share.high * 100.0)
}

fn examples(verifier: &str, title: &str, examples: &[AuditExample], all: u64) -> Markup {
    html! {
        @if !examples.is_empty() {
            h3.step {
                (title)
                @if (examples.len() as u64) < all { span.label { " the first " (examples.len()) " of " (all) } }
            }
            @for example in examples { (one(verifier, example)) }
        }
    }
}

fn one(verifier: &str, example: &AuditExample) -> Markup {
    let AuditExample { line, bucket, said, submission } = example;
    html! {
        div.group {
            p.label {
                "line " b { (line) }
                @if let Some(bucket) = bucket { " · " (visible(bucket)) }
            }
            p.outcome {
                span.chip.s-verdict { (visible(verifier)) @if let Some(reward) = said.reward { " " (reward) } }
                @if let Some(reason) = &said.reason { " " span.reason { (visible(reason)) } }
            }
            p.label { "prompt" }
            (untrusted(&submission.prompt))
            div.pair {
                div { p.label { "completion" } (untrusted(&submission.completion)) }
                @if let Some(reference) = &submission.reference {
                    div { p.label { "reference" } (untrusted(reference)) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gavel_verify::{Outcome, Score, Submission, Verdict};
    use gavel_wire::Row;
    use gavel_wire::compare::Label;

    use super::*;

    #[test]
    fn a_page_shows_counts_and_errors_and_runs_nothing_of_a_strangers() {
        let mut audit = Audit::new("human", Some("kind"));
        let row = Row::parse(r#"{"kind": "<script>alert(1)</script>"}"#).unwrap();
        let submission = Submission {
            prompt: "1 + 1?".to_owned(),
            completion: "<img src=x onerror=alert(1)>".to_owned(),
            ..Submission::default()
        };
        let verdict = Verdict { reason: Some("2 & 2".to_owned()), ..Verdict::new(1.0) };
        let outcomes = vec![("math".to_owned(), Outcome::verdict(verdict, Duration::ZERO))];
        let score = Score { reward: Ok(1.0), components: Vec::new(), outcomes };
        for line in 1..=3 {
            audit.add((line, &row), Label::Wrong, &submission, &score, 2);
        }
        let page = render(&audit, "labels.jsonl").into_string();
        for expected in [
            "<h2>math</h2>",
            "3<span class=\"before\"> of 3</span>",
            "100.0 %, 43.9–100.0",
            "the first 2 of 3",
            "&lt;img src=x onerror=alert(1)&gt;",
            "2 &amp; 2",
            "&lt;script&gt;",
        ] {
            assert!(page.contains(expected), "{expected} in {page}");
        }
        assert!(!page.contains("<script>") && !page.contains("<img"));
    }
}
