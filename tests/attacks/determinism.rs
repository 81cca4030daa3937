//! A verdict is a function of plugin, options and submission: not of time, threads, or what was judged before.

use std::time::Duration;

use gavel_host::{Host, HostConfig, Limits};
use gavel_verify::{Failure, Verdict, Verifier};

use crate::world::{attacker, build_guest, limits, submission};

/// What must be the same in every run.
type Said = (Result<Verdict, Failure>, Option<u64>);

const COMPLETIONS: [&str; 8] =
    ["42", "wrong", "clock", "entropy", "endless loop", "memory bomb", "sleep for an hour", "panic"];

fn say(verifier: &dyn Verifier, completion: &str) -> Said {
    let outcome = verifier.verify(&submission(completion));
    (outcome.result, outcome.fuel)
}

#[test]
fn the_same_submission_has_the_same_verdict_at_the_same_cost() {
    let verifier = attacker().verifier("{}", &limits()).unwrap();
    let host = Host::new(HostConfig { slots: 2, ..HostConfig::default() }).unwrap();
    let elsewhere = host.load_file(&build_guest()).unwrap().verifier("{}", &limits()).unwrap();
    for completion in COMPLETIONS {
        let first = say(&verifier, completion);
        assert_eq!(first, say(&verifier, completion), "{completion}");
        assert_eq!(first, say(&elsewhere, completion), "{completion} on another host");
    }
}

#[test]
fn threads_do_not_change_verdicts() {
    let verifier = attacker().verifier("{}", &limits()).unwrap();
    let alone: Vec<Said> = COMPLETIONS.iter().map(|completion| say(&verifier, completion)).collect();
    std::thread::scope(|scope| {
        for offset in 0..4 {
            let (verifier, alone) = (&verifier, &alone);
            scope.spawn(move || {
                for turn in 0..40 {
                    let index = (turn + offset) % COMPLETIONS.len();
                    assert_eq!(say(verifier, COMPLETIONS[index]), alone[index], "{}", COMPLETIONS[index]);
                }
            });
        }
    });
}

#[cfg(unix)]
#[test]
fn a_process_that_was_stopped_has_lost_no_time() {
    // Half a second of computing, a second to do it in, and three seconds that are not lived through.
    let limits = Limits { fuel: 200_000_000, timeout: Duration::from_secs(1), ..limits() };
    let verifier = attacker().verifier("{}", &limits).unwrap();
    let mut stop = std::process::Command::new("sh")
        .args(["-c", "sleep 0.2; kill -STOP $PPID; sleep 3; kill -CONT $PPID"])
        .spawn()
        .unwrap();
    while stop.try_wait().unwrap().is_none() {
        let outcome = verifier.verify(&submission("endless loop"));
        assert_eq!(outcome.result, Err(Failure::OutOfFuel { limit: limits.fuel }));
    }
}

#[test]
fn a_slow_plugin_holds_up_only_itself() {
    // As long as the slow one runs, the quick one goes on; 20 s is how long the test waits before it gives up.
    let timeout = Duration::from_secs(20);
    let slow = attacker().verifier("{}", &Limits { fuel: u64::MAX, timeout, ..limits() }).unwrap();
    let quick = attacker().verifier("{}", &limits()).unwrap();
    let (sender, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(slow.verify(&submission("endless loop"))));
    for _ in 0..100 {
        assert_eq!(quick.verify(&submission("42")).reward(), Some(1.0));
    }
    assert!(finished.try_recv().is_err(), "the quick one waited for the slow one");
}

#[test]
fn more_threads_than_slots_wait_for_their_turn() {
    let host = Host::new(HostConfig { slots: 1, ..HostConfig::default() }).unwrap();
    let verifier = host.load_file(&build_guest()).unwrap().verifier("{}", &limits()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(verifier.verify(&submission("42")).reward(), Some(1.0));
                }
            });
        }
    });
}
