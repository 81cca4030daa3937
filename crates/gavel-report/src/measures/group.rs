//! Numbers of some completions.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rows::Row;

/// What some completions come to. Shares are of one; `None` is a share of nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// How many tasks.
    pub tasks: usize,
    /// How many completions of them.
    pub completions: usize,
    /// pass@k for k = 1, 2, 4, … up to the fewest completions that a task has, by k: the chance that one of k is right.
    pub pass_at: BTreeMap<usize, f64>,
    /// Mean tokens of a completion.
    pub tokens: f64,
    /// Of those that are right.
    pub tokens_right: Option<f64>,
    /// Of those that are wrong.
    pub tokens_wrong: Option<f64>,
    /// Completions with at least one check.
    pub checking: Option<f64>,
    /// Checks of a completion, in the mean.
    pub checks: Option<f64>,
    /// Failed checks that another one follows.
    pub retrying: Option<f64>,
    /// Of completions whose first check was not a true ✓, those whose answer is right: what was mended.
    pub changed_to_right: Option<f64>,
    /// Of completions whose first check was a true ✓, those whose answer is wrong: what was spoilt.
    pub changed_to_wrong: Option<f64>,
    /// Marks that are not true: claims, and slips in computing.
    pub forged: Option<f64>,
    /// Of marks that say ✓, those that are not true.
    pub false_claims: Option<f64>,
}

impl Group {
    /// Of these rows, of which there is at least one.
    pub(super) fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let rows: Vec<&Row> = rows.collect();
        let mut tasks: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for row in &rows {
            let (sampled, right) = tasks.entry(&row.task).or_default();
            *sampled += 1;
            *right += usize::from(row.is_right);
        }
        let tokens =
            |of: &dyn Fn(&Row) -> bool| mean(rows.iter().filter(|row| of(row)).map(|row| row.tokens));
        let marks = || rows.iter().filter_map(|row| Some((row.is_right, row.marks?)));
        let sum = |of: fn(&super::rows::Marks) -> f64| marks().map(|(_, marks)| of(&marks)).sum::<f64>();
        let answers = |first_right: bool, is_right: bool| {
            let checked = marks().filter(|(_, marks)| marks.checks > 0.0 && marks.first_right == first_right);
            mean(checked.map(|(right, _)| share(right == is_right)))
        };
        Self {
            tasks: tasks.len(),
            completions: rows.len(),
            pass_at: pass_at(tasks.values().copied()),
            tokens: tokens(&|_| true).unwrap_or_default(),
            tokens_right: tokens(&|row| row.is_right),
            tokens_wrong: tokens(&|row| !row.is_right),
            checking: mean(marks().map(|(_, marks)| share(marks.checks > 0.0))),
            checks: mean(marks().map(|(_, marks)| marks.checks)),
            retrying: ratio(sum(|marks| marks.retried), sum(|marks| marks.failed)),
            changed_to_right: answers(false, true),
            changed_to_wrong: answers(true, false),
            forged: ratio(sum(|marks| marks.forged), sum(|marks| marks.checks)),
            false_claims: marks()
                .map(|(_, marks)| marks.false_claims)
                .sum::<Option<f64>>()
                .and_then(|claims| ratio(claims, sum(|marks| marks.checks - marks.failed))),
        }
    }

    /// pass@1.
    pub fn accuracy(&self) -> f64 {
        self.pass_at.get(&1).copied().unwrap_or_default()
    }
}

fn pass_at(tasks: impl Iterator<Item = (usize, usize)> + Clone) -> BTreeMap<usize, f64> {
    let fewest = tasks.clone().map(|(sampled, _)| sampled).min().unwrap_or(0);
    let ks = std::iter::successors(Some(1_usize), |k| Some(k * 2)).take_while(|&k| k <= fewest);
    let passes = |k: usize| mean(tasks.clone().map(|(sampled, right)| pass_at_k(sampled, right, k)));
    ks.filter_map(|k| Some((k, passes(k)?))).collect()
}

/// The chance that at least one of `k` completions is right, estimated without bias from `right` of `sampled` (Chen et al.
/// 2021, [2107.03374](https://arxiv.org/abs/2107.03374), eq. 1).
fn pass_at_k(sampled: usize, right: usize, k: usize) -> f64 {
    let wrong = sampled - right;
    if wrong < k {
        return 1.0;
    }
    1.0 - (wrong + 1..=sampled).map(|of| 1.0 - k as f64 / of as f64).product::<f64>()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    ratio(sum, count)
}

fn ratio(of: f64, all: f64) -> Option<f64> {
    (all > 0.0).then(|| of / all)
}

fn share(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}
