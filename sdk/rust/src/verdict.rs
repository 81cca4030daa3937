//! What a verifier says of a submission.

/// A judgement: the verifier understood the submission, and this is what it is worth.
///
/// ```
/// use gavel_plugin::Verdict;
///
/// let verdict = Verdict::right_if(2 + 2 == 5)
///     .because("extracted 5, expected 4")
///     .metric("has_answer", true)
///     .metric("distance", 1.0);
///
/// assert_eq!(verdict.reward, 0.0);
/// assert_eq!(verdict.metrics[0], ("has_answer".to_owned(), 1.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Finite. By custom 0 is wrong and 1 is right.
    pub reward: f64,
    /// One line for a person: what was extracted and how it was compared.
    pub reason: Option<String>,
    /// Named finite numbers; each name is one of [`Verifier::METRICS`](crate::Verifier::METRICS).
    pub metrics: Vec<(String, f64)>,
}

impl Verdict {
    /// A verdict with a reward alone.
    pub fn new(reward: f64) -> Self {
        Self { reward, reason: None, metrics: Vec::new() }
    }

    /// Reward 1 when `right`, else 0.
    pub fn right_if(right: bool) -> Self {
        Self::new(f64::from(right))
    }

    /// Adds the reason: one line that tells a person what was extracted and how it was compared.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Adds a metric; `true` counts 1 and `false` 0.
    #[must_use]
    pub fn metric(mut self, name: &str, value: impl Into<f64>) -> Self {
        self.metrics.push((name.to_owned(), value.into()));
        self
    }
}

/// The start of a text that a policy wrote, fit for a reason: one line, at most 80 characters.
///
/// ```
/// use gavel_plugin::excerpt;
///
/// assert_eq!(excerpt("3 +\n4"), "3 + 4");
/// assert_eq!(excerpt(&"7".repeat(1_000)).chars().count(), 81); // 80 and an ellipsis
/// ```
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    if text.len() <= LONGEST && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut line: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}
