//! Which part of a row is whose.

use std::ops::Range;

/// The things of `rank` among so many: those of all ranks are the whole, and their counts differ by one at most.
pub(super) fn even(count: usize, rank: usize, size: usize) -> Range<usize> {
    let end = |ranks: usize| count * ranks / size;
    end(rank)..end(rank + 1)
}

/// The things of `rank` among some with weights, of which all ranks get about the same: laid end to end and cut into as many
/// equal lengths as there are ranks, a thing is the rank's in whose length its middle is.
pub(super) fn by_weight(weights: &[usize], rank: usize, size: usize) -> Range<usize> {
    let total = weights.iter().sum::<usize>().max(1);
    let mut before = 0;
    let owner = |weight: &usize| {
        let middle = 2 * before + weight;
        before += weight;
        (middle * size / (2 * total)).min(size - 1)
    };
    let owners: Vec<usize> = weights.iter().map(owner).collect();
    let end = |ranks: usize| owners.partition_point(|&owner| owner < ranks);
    end(rank)..end(rank + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_the_whole_one_after_the_other() {
        let weights: Vec<usize> = (0..23).map(|n| n * 7 % 5).collect();
        for size in 1..9 {
            for count in [0, 1, 7, 23] {
                let even: Vec<_> = (0..size).map(|rank| even(count, rank, size)).collect();
                let weighted: Vec<_> =
                    (0..size).map(|rank| by_weight(&weights[..count], rank, size)).collect();
                for shares in [&even, &weighted] {
                    assert_eq!((shares[0].start, shares[size - 1].end), (0, count));
                    assert!(shares.windows(2).all(|pair| pair[0].end == pair[1].start), "{shares:?}");
                }
                assert!(even.iter().all(|share| share.len().abs_diff(count / size) <= 1));
            }
        }
    }

    #[test]
    fn all_ranks_have_about_the_same_weight() {
        let weights: Vec<usize> = (0..100).map(|n| 1 + n * n % 37).collect();
        let total: usize = weights.iter().sum();
        for rank in 0..8 {
            let own: usize = weights[by_weight(&weights, rank, 8)].iter().sum();
            assert!(own.abs_diff(total / 8) <= 37, "{own} of {total}");
        }
        assert_eq!(
            [0, 1].map(|rank| by_weight(&[1, 1, 100], rank, 2)),
            [0..2, 2..3],
            "what cannot be cut is one's"
        );
    }
}
