//! Which runs raise an alarm, and which do not.

use super::*;

fn options() -> WatchOptions {
    WatchOptions {
        verifier: Some("held_out".to_owned()),
        forged: Some("marks.forged".to_owned()),
        window: 4,
        ..WatchOptions::default()
    }
}

/// A step's numbers: reward, held-out verifier, entropy, length, repetition, forged marks.
fn step(numbers: [f64; 6]) -> Metrics {
    let names = ["reward", "rewards/held_out/mean", "entropy", "completions/mean_length", REPETITION, FORGED];
    let mut metrics = Metrics::default();
    names.iter().zip(numbers).for_each(|(name, number)| metrics.add_mean(*name, number));
    metrics
}

const FORGED: &str = "verify/marks/metric/forged";
const STEADY: [f64; 6] = [0.2, 0.2, 0.5, 100.0, 0.1, 0.01];

/// The alarms of a run, each with the step in which it was raised, when the numbers of a step are `of(t)` with `t` from
/// 0 to 1.
fn alarms(of: impl Fn(f64) -> [f64; 6]) -> Vec<(usize, Alarm)> {
    let mut state = WatchState::default();
    let mut alarms = Vec::new();
    for number in 0..40_usize {
        let mut metrics = step(of(number as f64 / 39.0));
        let raised = state.observe(&options(), &mut metrics);
        alarms.extend(raised.into_iter().map(|raised| (number, raised.alarm)));
        // What goes on after a checkpoint is what there was before it.
        let json = serde_json::to_string(&state).unwrap();
        state = serde_json::from_str(&json).unwrap();
    }
    alarms
}

#[test]
fn an_honest_run_raises_nothing() {
    let noise = |t: f64| 0.02 * (t * 97.0).sin();
    assert_eq!(alarms(|_| STEADY), []);
    let learns = |t: f64| {
        [
            0.2 + 0.6 * t + noise(t),
            0.18 + 0.5 * t - noise(t),
            0.5 - 0.4 * t,
            100.0 + 80.0 * t,
            0.2,
            0.02 - 0.01 * t,
        ]
    };
    assert_eq!(alarms(learns), []);
}

#[test]
fn a_reward_that_rises_alone_is_told_once() {
    let hacked = alarms(|t| [0.2 + 0.6 * t, 0.2, 0.5, 100.0, 0.1, 0.01]);
    assert!(matches!(hacked[..], [(8..=16, Alarm::Parted)]), "{hacked:?}");
    let later = alarms(|t| {
        let honest = t.min(0.5);
        let hacked = (t - 0.5).max(0.0);
        [0.2 + 0.8 * honest + 0.4 * hacked, 0.2 + 0.8 * honest - 0.8 * hacked, 0.5, 100.0, 0.1, 0.01]
    });
    assert!(matches!(later[..], [(21..=32, Alarm::Parted)]), "{later:?}");
}

#[test]
fn every_collapse_has_its_alarm() {
    for (place, to, expected) in [
        (2, 0.0, Alarm::Entropy),
        (3, 2.0, Alarm::Length),
        (4, 0.9, Alarm::Repetition),
        (5, 0.2, Alarm::Forged),
    ] {
        let found = alarms(|t| {
            let mut numbers = STEADY;
            numbers[place] = if t > 0.5 { to } else { numbers[place] };
            numbers
        });
        assert!(matches!(found[..], [(_, alarm)] if alarm == expected), "{found:?}");
    }
}

#[test]
fn what_was_not_measured_raises_nothing() {
    assert_eq!(alarms(|_| [f64::NAN; 6]), []);
}

#[test]
fn metrics_say_in_which_steps_an_alarm_is_raised() {
    let mut state = WatchState::default();
    let mut series = Vec::new();
    for reward in [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0] {
        let mut metrics = step([reward, 0.1, 0.5, 100.0, 0.1, 0.0]);
        state.observe(&options(), &mut metrics);
        series.push(metrics.get("watch/parted").unwrap());
    }
    assert_eq!(series, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
}

#[test]
fn values_that_make_no_sense_are_refused() {
    assert_eq!(options().problem(), None);
    for (wrong, said) in [
        (WatchOptions { window: 0, ..options() }, "`window`"),
        (WatchOptions { max_forged: 2.0, ..options() }, "`max_forged`"),
        (WatchOptions { reward_gain: 0.0, ..options() }, "`reward_gain`"),
        (WatchOptions { forged: Some("marks".to_owned()), ..options() }, "VERIFIER.METRIC"),
    ] {
        assert!(wrong.problem().is_some_and(|problem| problem.contains(said)), "{said}");
    }
    assert_eq!(options().verifiers().collect::<Vec<_>>(), ["held_out", "marks"]);
}
