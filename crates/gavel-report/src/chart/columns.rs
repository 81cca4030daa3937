//! Many steps as few: columns of neighbouring steps, and the points that a curve has room for.

use crate::run::Series;

/// Columns that a chart answers to when hovered over, and bars of a stack, at most; neighbours are averaged.
const MOST_COLUMNS: usize = 150;
/// Points of a line, at most; neighbours are averaged.
const MOST_POINTS: usize = 500;

/// Some neighbouring steps, and the strip of the chart that is theirs.
pub(super) struct Column {
    first: u64,
    last: u64,
    pub(super) left: f64,
    pub(super) right: f64,
}

impl Column {
    pub(super) fn name(&self) -> String {
        if self.first == self.last {
            format!("step {}", self.first)
        } else {
            format!("steps {}–{}", self.first, self.last)
        }
    }
}

/// Cuts the steps into columns; the strip of each reaches halfway to its neighbours.
pub(super) fn columns(steps: &[u64]) -> Vec<Column> {
    let chunks: Vec<&[u64]> = steps.chunks(steps.len().div_ceil(MOST_COLUMNS).max(1)).collect();
    let border = |index: usize| {
        let (before, after) = (chunks[index - 1], chunks[index]);
        f64::midpoint(before[before.len() - 1] as f64, after[0] as f64)
    };
    let mut columns = Vec::with_capacity(chunks.len());
    for (index, chunk) in chunks.iter().enumerate() {
        let (first, last) = (chunk[0], chunk[chunk.len() - 1]);
        let left = (index > 0).then(|| border(index));
        let right = (index + 1 < chunks.len()).then(|| border(index + 1));
        // The outermost strips reach as far out as they reach in.
        let (left, right) = match (left, right) {
            (Some(left), Some(right)) => (left, right),
            (None, Some(right)) => (first as f64 - (right - last as f64), right),
            (Some(left), None) => (left, last as f64 + (first as f64 - left)),
            (None, None) => (first as f64 - 0.5, last as f64 + 0.5),
        };
        columns.push(Column { first, last, left, right });
    }
    columns
}

pub(super) fn mean_within(values: &Series, column: &Column) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for (_, value) in values.range(column.first..=column.last) {
        sum += value;
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}

/// The mean of each point and its neighbours, over a window that is a tenth of the curve.
pub(super) fn moving_mean(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let reach = (points.len() / 20).max(1);
    let mean_around = |index: usize| {
        let window = &points[index.saturating_sub(reach)..(index + reach + 1).min(points.len())];
        window.iter().map(|&(_, value)| value).sum::<f64>() / window.len() as f64
    };
    points.iter().enumerate().map(|(index, &(step, _))| (step, mean_around(index))).collect()
}

pub(super) fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mean = |chunk: &[(f64, f64)]| {
        let count = chunk.len() as f64;
        let sum = chunk.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / count, sum.1 / count)
    };
    points.chunks(points.len().div_ceil(MOST_POINTS).max(1)).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_hold_every_step_once() {
        for steps in [vec![7], vec![1, 2, 3], (0..1000).collect(), (0..1000).map(|step| step * 10).collect()]
        {
            let columns = columns(&steps);
            let held = columns.iter().map(|column| {
                steps.iter().filter(|&&step| (column.first..=column.last).contains(&step)).count()
            });
            assert!(columns.len() <= MOST_COLUMNS);
            assert_eq!(held.sum::<usize>(), steps.len());
            assert!(columns.windows(2).all(|pair| pair[0].right == pair[1].left));
            assert!(columns.iter().all(|column| column.left < column.right));
        }
    }

    #[test]
    fn a_moving_mean_keeps_every_step_and_the_mean_of_a_constant() {
        let points: Vec<(f64, f64)> = (0..100).map(|step| (f64::from(step), 3.0)).collect();
        assert_eq!(moving_mean(&points), points);
        let thinned = thin(&(0..5000).map(|step| (f64::from(step), f64::from(step))).collect::<Vec<_>>());
        assert_eq!(thinned.len(), 500);
        assert_eq!(thinned[0], (4.5, 4.5));
    }
}
