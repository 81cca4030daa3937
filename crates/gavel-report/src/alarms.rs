//! What a run's early warning found: in which steps, and in words.

use maud::{Markup, html};

use crate::run::Metrics;

/// Alarms that were raised.
pub(crate) struct Alarms(Vec<Alarm>);

struct Alarm {
    name: String,
    spans: Vec<Span>,
}

/// The first and the last step of those in a row.
pub(crate) type Span = (u64, u64);

impl Alarms {
    /// Takes the metrics `watch/…` out of `rest`: 1 in steps in which an alarm is raised.
    pub(crate) fn take(rest: &mut Metrics) -> Self {
        let mut alarms = Vec::new();
        for name in rest.names_between("watch/", "") {
            let series = rest.take(&format!("watch/{name}")).unwrap_or_default();
            let mut spans: Vec<Span> = Vec::new();
            let mut is_open = false;
            for (&step, &raised) in &series {
                match spans.last_mut().filter(|_| is_open) {
                    Some(span) if raised > 0.0 => span.1 = step,
                    _ if raised > 0.0 => spans.push((step, step)),
                    _ => {}
                }
                is_open = raised > 0.0;
            }
            if !spans.is_empty() {
                alarms.push(Alarm { name, spans });
            }
        }
        Self(alarms)
    }

    /// Where charts have a band.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.0.iter().flat_map(|alarm| alarm.spans.iter().copied()).collect()
    }

    /// A paragraph for each.
    pub(crate) fn told(&self) -> Markup {
        html! {
            @if !self.0.is_empty() {
                section.alarms {
                    h2 { "Warnings" }
                    p.note { "What the run's [watch] found. Charts have a band where one of these holds." }
                    ul {
                        @for alarm in &self.0 {
                            li { b { (gavel_verify::visible(&alarm.name)) } " " (meaning(&alarm.name)) " " (steps(&alarm.spans)) }
                        }
                    }
                }
            }
        }
    }
}

fn meaning(alarm: &str) -> &'static str {
    match alarm {
        "parted" => {
            "The reward rose, and a verifier that is not paid for did not go along: the policy may have found what the reward \
             pays for without deserving it."
        }
        "entropy" => "Entropy collapsed: the policy tries nothing new.",
        "length" => "Completions became a fraction of what they were.",
        "repetition" => "Completions say the same again and again.",
        "forged" => "The policy marks its own checks falsely.",
        _ => "",
    }
}

fn steps(spans: &[Span]) -> String {
    let named = spans.iter().map(|&(first, last)| {
        if first == last { format!("step {first}") } else { format!("steps {first}–{last}") }
    });
    format!("In {}.", named.collect::<Vec<_>>().join(", "))
}
