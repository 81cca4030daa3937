//! Every random choice of a run from its seed and the place where it is made, so that no generator has to be saved.

/// What a seed is for: different purposes never share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The order of the tasks in an epoch.
    TaskOrder = 1,
    /// The completions of a step.
    Rollout = 2,
    /// Which completions share an optimiser's batch.
    BatchOrder = 3,
    /// The completions of an evaluation.
    Evaluation = 4,
    /// The first values of adapters.
    Adapter = 5,
    /// What an update leaves to chance.
    Update = 6,
}

/// The seed of the `counter`-th choice of a kind in a run with seed `seed`.
pub(crate) fn derive(seed: u64, purpose: Purpose, counter: u64) -> u64 {
    mix(mix(mix(seed) ^ purpose as u64) ^ counter)
}

/// The numbers below `count` in an order that `seed` determines (Fisher and Yates).
pub(crate) fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        // The bias of the remainder is below count / 2⁶⁴.
        let other = mix(seed ^ mix(last as u64)) % (last as u64 + 1);
        order.swap(last, other as usize);
    }
    order
}

/// The output function of SplitMix64 (Steele, Lea and Flood, 2014), a bijection that scatters nearby numbers.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_holds_every_number_once_and_depends_on_the_seed() {
        let mut order = shuffled(100, 7);
        assert_eq!(order, shuffled(100, 7));
        assert_ne!(order, shuffled(100, 8));
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn every_place_comes_first_about_equally_often() {
        let mut firsts = [0; 4];
        for seed in 0..4000 {
            firsts[shuffled(4, derive(seed, Purpose::TaskOrder, 0))[0]] += 1;
        }
        assert!(firsts.iter().all(|&count| (900..1100).contains(&count)), "{firsts:?}");
    }

    #[test]
    fn purposes_and_counters_have_seeds_of_their_own() {
        let seeds: std::collections::HashSet<u64> = (0..100)
            .flat_map(|n| [derive(1, Purpose::Rollout, n), derive(1, Purpose::TaskOrder, n)])
            .collect();
        assert_eq!(seeds.len(), 200);
    }
}
