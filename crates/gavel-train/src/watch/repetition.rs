//! How much of what a policy writes it has written before.

use std::collections::HashSet;

use crate::metrics::mean;
use crate::rollout::Rollout;

/// The mean over completions of [`repetition`].
pub(crate) const REPETITION: &str = "completions/repetition";

/// How many tokens say the same. Shorter ones recur in any text.
const SPAN: usize = 16;

/// How much of what a rollout says has been said before in the same completion.
pub(crate) fn repetition_of(rollout: &Rollout) -> f64 {
    mean(&rollout.samples.iter().map(|sample| repetition(&sample.tokens)).collect::<Vec<_>>())
}

/// The share of spans of 16 tokens that are there before in the same completion.
fn repetition(tokens: &[i64]) -> f64 {
    let mut seen = HashSet::new();
    let spans = tokens.windows(SPAN);
    let count = spans.len();
    let repeated = spans.filter(|span| !seen.insert(*span)).count();
    if count == 0 { 0.0 } else { repeated as f64 / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_is_of_long_spans() {
        let once: Vec<i64> = (0..64).collect();
        assert_eq!(repetition(&once), 0.0);
        assert_eq!(repetition(&once[..8]), 0.0);
        assert!(repetition(&[7; 64]) > 0.97);
        let twice = [once.clone(), once].concat();
        assert!((0.4..0.5).contains(&repetition(&twice)));
    }
}
