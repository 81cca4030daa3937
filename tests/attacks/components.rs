//! Attacks by components, in Rust where Rust can express them and in WebAssembly text where not.

use std::time::Duration;

use gavel_host::{Host, HostConfig, Limits, LoadError};
use gavel_verify::{Failure, Outcome, Verdict, Verifier};

use crate::world::{
    PAGE, assert_unharmed, attack, attack_within, attacker, component, component_of_world, host, limits,
    resident_peak, submission, verifier,
};

fn reward(outcome: &Outcome) -> f64 {
    outcome.reward().unwrap_or_else(|| panic!("no verdict: {:?}", outcome.result))
}

fn reason(outcome: &Outcome) -> &str {
    match &outcome.result {
        Ok(Verdict { reason: Some(reason), .. }) => reason,
        other => panic!("no reason: {other:?}"),
    }
}

/// The innermost frames of a trap.
fn trap(outcome: &Outcome) -> &[String] {
    match &outcome.result {
        Err(Failure::Trap { backtrace, .. }) => backtrace,
        other => panic!("not a trap: {other:?}"),
    }
}

fn assert_refused(outcome: &Outcome) {
    assert!(matches!(outcome.result, Err(Failure::Refused(_))), "{:?}", outcome.result);
}

/// Judges a submission with a component of text, and checks that it did no harm.
fn attack_in_text(fields: &str, body: &str, limits: &Limits) -> Outcome {
    let outcome = verifier(&component(fields, body), limits).verify(&submission("x"));
    assert_unharmed();
    outcome
}

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    let outcome = attack("endless loop");
    assert_eq!(outcome.result, Err(Failure::OutOfFuel { limit: limits().fuel }));
    assert_eq!(outcome.fuel, Some(limits().fuel));
}

#[test]
fn an_endless_loop_with_fuel_for_years_meets_its_deadline() {
    let timeout = Duration::from_millis(30);
    let outcome = attack_within("endless loop", &Limits { fuel: u64::MAX, timeout, ..limits() });
    assert_eq!(outcome.result, Err(Failure::Deadline { limit: timeout }));
    assert!(outcome.elapsed >= timeout, "cut after {:?}, before its time", outcome.elapsed);
    assert_eq!(outcome.fuel, None, "nobody knows how far it got");
    assert_unharmed();
}

#[test]
fn an_endless_recursion_traps_with_a_backtrace() {
    let outcome = attack("endless recursion");
    assert!(trap(&outcome).iter().any(|frame| frame.contains("recurse")), "{outcome:?}");
}

#[test]
fn an_endless_recursion_of_the_native_stack_traps() {
    let outcome = attack_in_text(
        r#"(memory (export "memory") 1)
           (func $f (param i64) (result i64) (i64.add (call $f (local.get 0)) (i64.const 1)))"#,
        "(drop (call $f (i64.const 1))) (i32.const 2048)",
        &limits(),
    );
    assert!(!trap(&outcome).is_empty());
}

#[test]
fn a_sleep_of_an_hour_takes_no_time() {
    // Within limits of a minute: a sleep that is real would miss its deadline, or never come back.
    assert!((3600.0..3601.0).contains(&reward(&attack("sleep for an hour"))));
}

#[test]
fn a_memory_bomb_is_out_of_memory() {
    assert_eq!(attack("memory bomb").result, Err(Failure::OutOfMemory { limit: limits().memory }));
}

#[test]
fn a_table_bomb_is_out_of_memory() {
    let outcome = attack_in_text(
        r#"(memory (export "memory") 1) (table $t 1 funcref)"#,
        "(loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable",
        &limits(),
    );
    assert_eq!(outcome.result, Err(Failure::OutOfMemory { limit: limits().memory }));
}

#[test]
fn a_plugin_too_large_for_its_limits_does_not_load() {
    let plugin =
        host().load(&component(r#"(memory (export "memory") 2000)"#, "(i32.const 2048)"), "large").unwrap();
    let error = plugin.verifier("{}", &limits()).unwrap_err();
    let LoadError::TooLarge { what, wanted, limit, .. } = error else { panic!("{error:?}") };
    assert_eq!((what, wanted, limit), ("bytes of memory", 2000 << 16, 64 << 20));
    assert!(plugin.verifier("{}", &Limits { memory: 2000 << 16, ..limits() }).is_ok());
}

#[test]
fn a_reason_of_a_gibibyte_is_too_large_and_never_copied() {
    let large = Limits { memory: 2 << 30, ..limits() };
    let before = resident_peak();
    let outcome = attack_in_text(
        r#"(memory (export "memory") 16385)"#,
        "(i32.store8 (i32.const 2064) (i32.const 1)) (i32.store (i32.const 2072) (i32.const 0x40000000)) (i32.const 2048)",
        &large,
    );
    assert_eq!(outcome.result, Err(Failure::OutputTooLarge { limit: large.output as u64 }));
    assert!(resident_peak() - before < 512 << 20, "the host has copied the reason");
}

#[test]
fn answers_above_the_limit_are_too_large() {
    let large = Limits { memory: 512 << 20, fuel: 10_000_000_000, ..limits() };
    for completion in ["huge reason", "huge error", "many metrics", "reason above the limit"] {
        let outcome = attack_within(completion, &large);
        assert_eq!(outcome.result, Err(Failure::OutputTooLarge { limit: 64 << 10 }), "{completion}");
    }
    assert_eq!(reason(&attack("reason of the limit")).len(), (64 << 10) - "length".len() - 8);
}

#[test]
fn names_that_lie_at_one_place_are_counted_before_they_are_copied() {
    // 8000 metrics, each of whose names is the same 60 KiB: half a gigabyte, were it copied.
    let before = resident_peak();
    let outcome = attack_in_text(
        r#"(memory (export "memory") 4)"#,
        "(local $at i32)
         (local.set $at (i32.const 80000))
         (loop
           (i32.store (local.get $at) (i32.const 4096))
           (i32.store (i32.add (local.get $at) (i32.const 4)) (i32.const 61440))
           (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (i32.const 208000))))
         (i32.store (i32.const 2076) (i32.const 80000))
         (i32.store (i32.const 2080) (i32.const 8000))
         (i32.const 2048)",
        &limits(),
    );
    assert_eq!(outcome.result, Err(Failure::OutputTooLarge { limit: limits().output as u64 }));
    assert!(resident_peak() - before < 128 << 20, "the host has copied the names");
}

#[test]
fn the_answer_is_asked_for_once() {
    // A plugin that judged twice would have drawn other random numbers, and paid for both: a large answer costs what a
    // small one does.
    let answer = |length: u32| {
        let body = format!(
            "(i32.store8 (i32.const 2064) (i32.const 1)) (i32.store (i32.const 2068) (i32.const 0))
             (i32.store (i32.const 2072) (i32.const {length})) (i32.const 2048)"
        );
        attack_in_text(r#"(memory (export "memory") 4)"#, &body, &limits())
    };
    let (small, large) = (answer(1), answer(200_000));
    assert_eq!(large.result, Err(Failure::OutputTooLarge { limit: limits().output as u64 }));
    assert_eq!((small.reward(), small.fuel), (Some(0.0), large.fuel));
}

#[test]
fn a_submission_above_the_limit_is_refused() {
    let small = Limits { input: 1000, ..limits() };
    assert_refused(&attack_within(&"x".repeat(1000), &small));
    assert_eq!(reward(&attack_within("42", &small)), 1.0);
}

#[test]
fn text_that_is_not_utf8_is_refused() {
    for completion in ["reason that is not text", "error that is not text", "metric that is not text"] {
        assert_refused(&attack(completion));
    }
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    for completion in ["not a number", "infinite", "minus infinite", "metric that is not a number"] {
        assert_refused(&attack(completion));
    }
}

#[test]
fn a_metric_that_was_not_announced_is_refused() {
    assert_refused(&attack("metric without a description"));
}

#[test]
fn a_metric_that_is_missing_or_there_twice_is_refused_by_name() {
    for (completion, problem) in
        [("metric that is missing", "missing"), ("metric that is there twice", "twice")]
    {
        let Err(Failure::Refused(reason)) = attack(completion).result else { panic!("{completion}") };
        assert!(reason.contains("`length`") && reason.contains(problem), "{reason}");
    }
}

#[test]
fn an_answer_outside_of_memory_is_refused() {
    let reason_at_the_end =
        "(i32.store8 (i32.const 2064) (i32.const 1)) (i32.store (i32.const 2068) (i32.const 65530))
                             (i32.store (i32.const 2072) (i32.const 100)) (i32.const 2048)";
    assert_refused(&attack_in_text(PAGE, reason_at_the_end, &limits()));
    assert_refused(&attack_in_text(PAGE, "(i32.const 65528)", &limits()));
    assert_refused(&attack_in_text(
        PAGE,
        "(i32.store8 (i32.const 2048) (i32.const 7)) (i32.const 2048)",
        &limits(),
    ));
}

#[test]
fn a_panic_or_an_abort_is_a_trap_with_a_backtrace() {
    for completion in ["panic", "abort"] {
        assert!(!trap(&attack(completion)).is_empty(), "{completion}");
    }
}

#[test]
fn an_exit_is_no_verdict() {
    trap(&attack("exit"));
}

#[test]
fn nothing_of_the_machine_can_be_reached() {
    assert_eq!(reason(&attack("files")), "0 of 4 granted");
    assert_eq!(reason(&attack("network")), "0 of 4 granted");
    assert_eq!(reason(&attack("environment")), "0 variables, 0 arguments");
}

#[test]
fn the_clock_is_not_the_machines() {
    // 2024-01-01, and a microsecond for every reading.
    let said = attack("clock");
    assert!(reason(&said).starts_with("17040672000000"), "{said:?}");
    assert!(reason(&said).contains("µs"), "{said:?}");
}

#[test]
fn random_numbers_follow_from_the_submission() {
    let verifier = attacker().verifier("{}", &limits()).unwrap();
    let said = |prompt: &str| {
        let outcome =
            verifier.verify(&gavel_verify::Submission { prompt: prompt.to_owned(), ..submission("entropy") });
        reason(&outcome).to_owned()
    };
    assert_eq!(said("a"), said("a"));
    assert_ne!(said("a"), said("b"));
}

#[test]
fn an_endless_flood_of_output_is_out_of_fuel() {
    assert_eq!(attack("endless flood").result, Err(Failure::OutOfFuel { limit: limits().fuel }));
    assert_eq!(reward(&attack("flood")), 1.0);
}

#[test]
fn what_a_plugin_writes_is_kept_for_its_author_alone_and_changes_nothing() {
    let authors = Host::new(HostConfig { for_authors: true, slots: 1, ..HostConfig::default() }).unwrap();
    let plugin = authors.load_file(attacker().name().as_ref()).unwrap();
    let verifier = plugin.verifier("{}", &limits()).unwrap();
    for completion in ["flood", "endless flood", "panic"] {
        let (kept, judged) = (verifier.verify(&submission(completion)), attack(completion));
        assert_eq!((kept.status(), kept.fuel), (judged.status(), judged.fuel), "{completion}");
        assert_eq!(judged.output, None, "{completion}");
        let output = kept.output.as_deref().unwrap();
        assert!(output.len() < 66 << 10, "{completion}: {} bytes were kept", output.len());
        match completion {
            "panic" => {
                assert!(output.contains("on purpose"), "{output}");
                assert!(trap(&kept).len() > trap(&judged).len(), "{:?}", trap(&kept));
            }
            _ => {
                assert!(output.contains("bytes before these are lost: 64 KiB are kept)"), "{}", output.len())
            }
        }
    }
}

#[test]
fn nothing_survives_from_one_submission_to_the_next() {
    for _ in 0..10 {
        assert_eq!(reward(&attack("leave memory dirty")), 0.0);
    }
}

#[test]
fn what_a_plugin_says_is_told_apart() {
    assert_eq!(attack("invalid task").result, Err(Failure::InvalidTask("no numbers".to_owned())));
    assert_eq!(attack("abstain").result, Err(Failure::Abstained("no idea".to_owned())));
    assert_eq!(attack("internal error").result, Err(Failure::InternalError("oops".to_owned())));
    assert!(matches!(attack("late wrong options").result, Err(Failure::InternalError(_))));
}

#[test]
fn wrong_options_do_not_load() {
    for options in [r#"{"wrong":1}"#, "[]", "{", "7"] {
        let error = attacker().verifier(options, &limits()).unwrap_err();
        assert!(matches!(error, LoadError::InvalidOptions { .. }), "{options}: {error:?}");
    }
}

#[test]
fn hoarded_handles_trap() {
    let hoard = component_of_world(
        "import wasi:clocks/monotonic-clock@0.2.0;",
        r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
           (memory (export "memory") 1)"#,
        "(loop (drop (call $subscribe (i64.const 1))) (br 0)) unreachable",
    );
    let outcome = verifier(&hoard, &limits()).verify(&submission("x"));
    assert!(!trap(&outcome).is_empty());
    assert_unharmed();
}

#[test]
fn a_loop_of_calls_of_the_host_ends_by_fuel() {
    let calls = [
        (
            "a reading of the clock",
            "wasi:clocks/monotonic-clock@0.2.0",
            "now",
            "(result i64)",
            "(drop (call $f))",
        ),
        (
            "a timer that is dropped",
            "wasi:clocks/monotonic-clock@0.2.0",
            "subscribe-duration",
            "(param i64) (result i32)",
            "(call $drop (call $f (i64.const 1)))",
        ),
    ];
    for (name, interface, function, types, call) in calls {
        let endless = component_of_world(
            &format!("import {interface}; import wasi:io/poll@0.2.0;"),
            &format!(
                r#"(import "{interface}" "{function}" (func $f {types}))
                   (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop (param i32)))
                   (memory (export "memory") 1)"#
            ),
            &format!("(loop {call} (br 0)) unreachable"),
        );
        assert_ends_by_fuel(name, &endless);
    }
    let waiting = |count: u32| {
        component_of_world(
            "import wasi:clocks/monotonic-clock@0.2.0; import wasi:io/poll@0.2.0;",
            r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
               (import "wasi:io/poll@0.2.0" "poll" (func $poll (param i32 i32 i32)))
               (memory (export "memory") 8)"#,
            &format!(
                "(local $timer i32) (local $at i32)
                 (local.set $timer (call $subscribe (i64.const 1)))
                 (local.set $at (i32.const 65536))
                 (loop
                   (i32.store (local.get $at) (local.get $timer))
                   (br_if 0 (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4)))
                                      (i32.const {}))))
                 (loop
                   (call $poll (i32.const 65536) (i32.const {count}) (i32.const 3100))
                   (global.set $end (i32.const 131072))
                   (br 0))
                 unreachable",
                65536 + 4 * count
            ),
        )
    };
    assert_ends_by_fuel("a wait for one thing 4000 times", &waiting(4000));
    let outcome = verifier(&waiting(4097), &limits()).verify(&submission("x"));
    assert!(
        matches!(&outcome.result, Err(Failure::Trap { message, .. }) if message.contains("4097")),
        "{outcome:?}"
    );
}

#[test]
fn instructions_that_call_the_engine_end_by_fuel() {
    let fields = r#"(memory (export "memory") 1) (table $t 1 funcref) (elem $e funcref (ref.null func))
                    (data $d "x")"#;
    for instruction in [
        "(drop (memory.grow (i32.const 0)))",
        "(drop (memory.grow (i32.const 65535)))",
        "(drop (table.grow $t (ref.null func) (i32.const 0)))",
        "(drop (table.grow $t (ref.null func) (i32.const 200000)))",
        "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 0))",
        "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))",
        "(data.drop $d)",
        "(elem.drop $e)",
    ] {
        assert_ends_by_fuel(
            instruction,
            &component(fields, &format!("(loop {instruction} (br 0)) unreachable")),
        );
    }
}

/// Judges twice: by fuel means at the same place.
fn assert_ends_by_fuel(name: &str, endless: &[u8]) {
    let verifier = verifier(endless, &limits());
    for _ in 0..2 {
        let outcome = verifier.verify(&submission("x"));
        assert_eq!(outcome.result, Err(Failure::OutOfFuel { limit: limits().fuel }), "{name}");
        assert_eq!(outcome.fuel, Some(limits().fuel), "{name}");
    }
    assert_unharmed();
}

#[test]
fn growth_that_a_memory_forbids_itself_leaves_the_rest_to_others() {
    let grow = "(drop (memory.grow (i32.const 900)))".repeat(3);
    let table =
        "(if (i32.eq (table.grow $t (ref.null func) (i32.const 90000)) (i32.const -1)) (then unreachable))";
    // Three times 900 pages are more than this plugin may have, and its memory may have 500.
    let body = format!(
        "{grow} {table} (if (i32.eq (memory.grow (i32.const 400)) (i32.const -1)) (then unreachable))
                        (i32.const 2048)"
    );
    let fields = r#"(memory (export "memory") 1 500) (table $t 1 funcref)"#;
    assert_eq!(reward(&attack_in_text(fields, &body, &limits())), 0.0);
}

#[test]
fn the_names_in_a_backtrace_are_cut() {
    let name = "x".repeat(10_000);
    let fields = format!(r#"{PAGE} (func ${name} unreachable)"#);
    let outcome = attack_in_text(&fields, &format!("(call ${name}) (i32.const 2048)"), &limits());
    let frames = trap(&outcome);
    assert!(
        frames[0].starts_with("xxx") && frames.iter().all(|frame| frame.chars().count() <= 201),
        "{frames:?}"
    );
}

#[test]
fn two_timers_ring_in_their_order() {
    // Polls a timer of 10 s and one of 5 s, then the first again; the reward is the time at the end.
    let timers = component_of_world(
        "import wasi:clocks/monotonic-clock@0.2.0; import wasi:io/poll@0.2.0;",
        r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
           (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))
           (import "wasi:io/poll@0.2.0" "poll" (func $poll (param i32 i32 i32)))
           (memory (export "memory") 1)"#,
        "(i32.store (i32.const 3000) (call $subscribe (i64.const 10000000000)))
         (i32.store (i32.const 3004) (call $subscribe (i64.const 5000000000)))
         (call $poll (i32.const 3000) (i32.const 2) (i32.const 3100))
         ;; One is ready, and it is the second.
         (if (i32.ne (i32.load (i32.const 3104)) (i32.const 1)) (then unreachable))
         (if (i32.ne (i32.load (i32.load (i32.const 3100))) (i32.const 1)) (then unreachable))
         (if (i64.ge_u (call $now) (i64.const 6000000000)) (then unreachable))
         (call $poll (i32.const 3000) (i32.const 1) (i32.const 3100))
         (f64.store (i32.const 2056) (f64.convert_i64_u (call $now)))
         (i32.const 2048)",
    );
    let outcome = verifier(&timers, &limits()).verify(&submission("x"));
    assert!((10.0e9..10.1e9).contains(&reward(&outcome)), "{outcome:?}");
}
