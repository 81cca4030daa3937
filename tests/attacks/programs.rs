//! Attacks by programs that a verifier runs with an interpreter: each has its ending, and leaves the verifier whole.

use std::time::Duration;

use gavel_host::{Host, HostConfig, Interpreters, Limits, LoadError, ProgramLimits, WasmVerifier};
use gavel_verify::{Failure, Outcome, Submission, Verdict, Verifier};

use crate::world::{guest, host, limits, runner, running, toy, with_stack};

/// Small, so that hitting them takes little time.
fn program_limits() -> ProgramLimits {
    ProgramLimits {
        fuel: 100_000_000,
        memory: 32 << 20,
        timeout: Duration::from_secs(60),
        output: 10_000,
        runs: 100,
        ..ProgramLimits::default()
    }
}

fn limits_with(programs: ProgramLimits) -> Limits {
    Limits { programs, ..limits() }
}

fn judge(verifier: &WasmVerifier, completion: &str) -> Outcome {
    let completion = completion.to_owned();
    let submission =
        Submission { completion, reference: Some("in\nput".to_owned()), ..Submission::default() };
    with_stack(|| verifier.verify(&submission))
}

/// What the runner says of a completion: a line for each program.
fn said(outcome: &Outcome) -> &str {
    match &outcome.result {
        Ok(Verdict { reason: Some(reason), .. }) => reason,
        other => panic!("no reason: {other:?}"),
    }
}

/// Runs a program and an honest one after it in the same submission, and says how the first ended.
fn ending(completion: &str) -> String {
    let outcome =
        judge(&running(&limits_with(program_limits())), &format!("{completion}\n---\nprint after\necho"));
    let said = said(&outcome);
    let (ending, after) = said.rsplit_once('\n').unwrap();
    assert_eq!(after, r#"exited 0 stdout="after\nin\nput" stderr="""#, "the program after {completion:?}");
    ending.to_owned()
}

#[test]
fn a_program_reads_and_writes_and_exits() {
    assert_eq!(ending("echo"), r#"exited 0 stdout="in\nput" stderr="""#);
    assert_eq!(ending("print a\ncomplain b\nprint c"), r#"exited 0 stdout="a\nc\n" stderr="b\n""#);
    assert_eq!(ending("print a\nexit 3\nprint b"), r#"exited 3 stdout="a\n" stderr="""#);
    assert_eq!(ending("exit 0"), r#"exited 0 stdout="" stderr="""#);
}

#[test]
fn an_error_that_nobody_catches_is_told_from_an_exit() {
    assert_eq!(ending("print a\nraise the roof"), r#"raised stdout="a\n" stderr="Error: the roof\n""#);
}

#[test]
fn an_exit_behind_the_interpreters_back_is_an_exit() {
    assert_eq!(ending("print a\nprocess-exit 0\nprint b"), r#"exited 0 stdout="a\n" stderr="""#);
    // WASI 0.2 tells a host only that it was not 0.
    assert_eq!(ending("process-exit 3"), r#"exited 1 stdout="" stderr="""#);
}

#[test]
fn an_endless_program_runs_out_of_fuel() {
    assert_eq!(ending("print a\nloop"), r#"out-of-fuel stdout="a\n" stderr="""#);
}

#[test]
fn a_program_that_meets_its_deadline_leaves_no_verdict() {
    let timeout = Duration::from_millis(30);
    let programs = ProgramLimits { fuel: u64::MAX, timeout, ..program_limits() };
    let verifier = running(&limits_with(programs));
    for completion in ["print a\nloop\n---\nprint b", "then=panic\n\nloop"] {
        let outcome = judge(&verifier, completion);
        assert_eq!(outcome.result, Err(Failure::Deadline { limit: timeout }), "{completion}");
        assert_eq!(outcome.fuel, None, "nobody knows how far it got");
        assert!(outcome.elapsed >= timeout, "cut after {:?}, before its time", outcome.elapsed);
    }
    assert_eq!(judge(&verifier, "print b").reward(), Some(1.0));
}

#[test]
fn all_programs_of_a_submission_share_a_total() {
    let programs = ProgramLimits { total_fuel: 100_000_000, ..program_limits() };
    let outcome = judge(&running(&limits_with(programs)), "times=30\n\ncount 1000000");
    let exited = outcome.reward().unwrap();
    assert!((2.0..30.0).contains(&exited), "{outcome:?}");
    // Those that find nothing left have not been refused: they ran out, like one that spends its own.
    assert!(said(&outcome).lines().last().unwrap().starts_with("out-of-fuel "), "{outcome:?}");
    assert!(outcome.fuel.unwrap() < 100_000_000 + limits().fuel, "{outcome:?}");

    let (timeout, total_timeout) = (Duration::from_millis(50), Duration::from_millis(20));
    let programs =
        ProgramLimits { fuel: u64::MAX, total_fuel: u64::MAX, timeout, total_timeout, ..program_limits() };
    let outcome = judge(&running(&limits_with(programs)), "times=100\n\ncount 10000000");
    assert_eq!(outcome.result, Err(Failure::Deadline { limit: total_timeout }));
}

#[test]
fn a_memory_bomb_is_out_of_memory() {
    let ending = ending("print a\nbomb");
    assert!(ending.starts_with(r#"out-of-memory stdout="a\n" stderr="#), "{ending}");
}

#[test]
fn a_program_that_copes_with_refused_memory_goes_on() {
    assert_eq!(ending("ask 1000\nhold 4\nprint on"), r#"exited 0 stdout="refused\n4194304\non\n" stderr="""#);
    assert!(ending("ask 1000\nhold 4\nabort").starts_with("trapped: "), "it was not memory that ended it");
}

#[test]
fn an_endless_recursion_is_trapped() {
    for program in ["recurse", "dig"] {
        let ending = ending(program);
        // Whichever is smaller ends it: the native stack, or the one that the guest's compiler keeps in its memory.
        let by_stack = ["call stack exhausted", "out of bounds memory access"];
        let ended = by_stack.iter().any(|end| ending.starts_with(&format!("trapped: wasm trap: {end}")));
        assert!(ended, "{program}: {ending}");
    }
}

#[test]
fn an_abort_is_trapped() {
    assert!(ending("print a\nabort").starts_with("trapped: "));
}

#[test]
fn output_is_cut_at_its_limit() {
    assert_eq!(ending("write 10000"), r#"exited 0 stdout=10000 bytes stderr="""#);
    assert_eq!(ending("write 10001"), r#"output-too-large stdout=10000 bytes stderr="""#);
    assert_eq!(ending("write-error 10000"), r#"exited 0 stdout="" stderr=10000 bytes"#);
    assert_eq!(ending("print a\nwrite-error 10001"), r#"output-too-large stdout="a\n" stderr=10000 bytes"#);
    assert_eq!(ending("flood"), r#"output-too-large stdout=10000 bytes stderr="""#);
}

#[test]
fn a_sleep_of_an_hour_takes_no_time() {
    assert_eq!(ending("sleep"), r#"exited 0 stdout="3600\n" stderr="""#);
}

#[test]
fn nothing_of_the_machine_can_be_reached() {
    assert_eq!(ending("world"), r#"exited 0 stdout="0 of 5\n" stderr="""#);
}

#[test]
fn nothing_survives_from_one_program_to_the_next() {
    let outcome = judge(&running(&limits_with(program_limits())), "times=20\n\nstain");
    assert_eq!(said(&outcome), r#"exited 0 stdout="0\n" stderr="""#);
    assert_eq!(outcome.reward(), Some(20.0));
}

#[test]
fn a_plugin_asks_for_less_than_the_operator_allows_but_not_for_more() {
    let ended = |completion: &str, wanted: &str| {
        let outcome = judge(&running(&limits_with(program_limits())), completion);
        assert!(said(&outcome).starts_with(wanted), "{completion}: {outcome:?}");
    };
    ended("fuel=1000000\n\ncount 1000000", "out-of-fuel ");
    ended("fuel=0\n\nprint a", "out-of-fuel ");
    let modest = judge(&running(&limits_with(program_limits())), "memory=4194304\n\nhold 1\n---\nhold 8");
    let endings: Vec<_> = said(&modest).lines().collect();
    assert!(endings[0].starts_with("exited 0 ") && endings[1].starts_with("out-of-memory "), "{endings:?}");
    ended("memory=0\n\nprint a", "out-of-memory ");
    // The runner asks for all there is where nothing is said.
    ended("hold 64", "out-of-memory ");
}

#[test]
fn a_language_that_nobody_granted_is_unavailable() {
    assert_eq!(
        said(&judge(&running(&limits_with(program_limits())), "language=cobol\n\nprint a")),
        r#"unavailable: no such interpreter; there are: toy stdout="" stderr="""#
    );
    let nothing = runner().clone().grant(Interpreters::default()).verifier("{}", &limits()).unwrap();
    assert_eq!(
        said(&judge(&nothing, "print a")),
        r#"unavailable: no such interpreter; there are: none stdout="" stderr="""#
    );
}

#[test]
fn a_submission_runs_so_many_programs_and_no_more() {
    let outcome = judge(&running(&limits_with(program_limits())), "times=150\n\nprint a");
    assert_eq!(outcome.reward(), Some(100.0));
    let last = said(&outcome).lines().last().unwrap();
    assert_eq!(last, r#"unavailable: this submission has run its 100 programs stdout="" stderr="""#);
    // They are counted anew for each submission.
    assert_eq!(judge(&running(&limits_with(program_limits())), "times=100\n\nprint a").reward(), Some(100.0));
}

#[test]
fn no_program_runs_while_a_plugin_describes_itself() {
    let summary = &runner().description().summary;
    assert!(summary.starts_with("unavailable: "), "{summary}");
}

#[test]
fn a_plugin_without_a_grant_is_no_verifier() {
    let error = runner().verifier("{}", &limits()).unwrap_err();
    let LoadError::NotGranted { import, .. } = &error else { panic!("{error:?}") };
    assert_eq!(import, "gavel:verifier/interpreter@0.1.0");
}

#[test]
fn an_interpreter_too_large_for_its_limits_does_not_load() {
    let granted = runner().clone().grant([toy().clone()].into_iter().collect());
    let small = limits_with(ProgramLimits { memory: 64 << 10, ..program_limits() });
    let error = granted.verifier("{}", &small).unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { limit: 0x1_0000, .. }), "{error:?}");
}

#[test]
fn an_interpreter_says_what_it_is() {
    assert_eq!((toy().language().name.as_str(), toy().language().version.as_str()), ("toy", "1.0.0"));
    assert_eq!(toy().digest().len(), 64);
    assert!(toy().exports().contains(&"gavel:verifier/execution@0.1.0".to_owned()), "{:?}", toy().exports());
}

#[test]
fn a_verdict_follows_from_the_submission_whatever_the_machine_does() {
    let completion =
        "times=3\n\nrandom\ntime\n---\ncount 1000\n---\nbomb\n---\nloop\n---\nwrite 20000\n---\nraise x";
    let limits = limits_with(program_limits());
    let first = judge(&running(&limits), completion);
    let elsewhere = Host::new(HostConfig { slots: 1, ..HostConfig::default() }).unwrap();
    let toy = elsewhere.load_interpreter_file(&guest("toy_interpreter")).unwrap();
    let runner = elsewhere.load_file(&guest("runner_guest")).unwrap();
    let elsewhere = runner.grant([toy].into_iter().collect()).verifier("{}", &limits).unwrap();
    for verifier in [&running(&limits), &elsewhere] {
        let again = judge(verifier, completion);
        assert_eq!((&again.result, again.fuel), (&first.result, first.fuel));
    }
}

#[test]
fn random_numbers_differ_between_runs_and_submissions() {
    let verifier = running(&limits_with(program_limits()));
    // The runner says equal lines only once.
    let runs = judge(&verifier, "times=3\n\nrandom");
    assert_eq!(said(&runs).lines().count(), 3, "{runs:?}");
    let other = judge(&verifier, "times=3\n\nrandom\n");
    assert_ne!(said(&runs), said(&other));
}

#[test]
fn programs_spend_their_own_fuel_and_the_outcome_counts_it() {
    let lean = Limits { fuel: 20_000_000, ..limits_with(program_limits()) };
    let verifier = running(&lean);
    let idle = judge(&verifier, "print a");
    let busy = judge(&verifier, "times=5\n\ncount 1000000");
    assert_eq!(busy.reward(), Some(5.0), "{busy:?}");
    assert!(idle.fuel < Some(lean.fuel), "{idle:?}");
    assert!(busy.fuel > Some(5 * 1_000_000), "the programs' instructions are missing: {busy:?}");
    // What the plugin itself spends is its own.
    let outer = judge(&verifier, "then=loop\n\ncount 1000000");
    assert_eq!(outer.result, Err(Failure::OutOfFuel { limit: lean.fuel }));
    assert!(outer.fuel > Some(lean.fuel + 1_000_000), "{outer:?}");
}

#[test]
fn time_that_programs_take_is_not_the_plugins() {
    // The programs take more than the plugin may have, on any machine of these years, and the plugin computes for a little
    // after them.
    let programs = ProgramLimits { fuel: 2_000_000_000, ..program_limits() };
    let timeout = Duration::from_millis(150);
    let verifier = running(&Limits { timeout, fuel: u64::MAX, ..limits_with(programs) });
    let outcome = judge(&verifier, "times=3\nthen=count\n\nloop");
    assert_eq!(said(&outcome), r#"out-of-fuel stdout="" stderr="""#);
    assert!(outcome.elapsed > timeout, "{outcome:?}");
    // And the plugin's own time still ends.
    let outcome = judge(&verifier, "then=loop\n\nloop");
    assert_eq!(outcome.result, Err(Failure::Deadline { limit: timeout }));
}

#[test]
fn a_verifier_that_breaks_after_its_programs_breaks_alone() {
    let verifier = running(&limits_with(program_limits()));
    assert!(matches!(judge(&verifier, "then=panic\n\nbomb").result, Err(Failure::Trap { .. })));
    assert_eq!(judge(&verifier, "print a").reward(), Some(1.0));
}

#[test]
fn both_stacks_fit_on_a_judging_thread() {
    let verifier = running(&limits_with(program_limits()));
    // As deep as the plugin gets alone; then the program overflows its own stack on top.
    let deepest = (0..14)
        .map(|power| 1_u32 << power)
        .take_while(|depth| judge(&verifier, &format!("depth={depth}\n\nprint a")).reward() == Some(1.0));
    let deepest = deepest.last().unwrap();
    assert!(deepest >= 1000, "{deepest}");
    for program in ["recurse", "dig"] {
        let outcome = judge(&verifier, &format!("depth={deepest}\n\n{program}"));
        assert!(said(&outcome).starts_with("trapped: "), "{outcome:?}");
    }
}

#[test]
fn a_program_as_large_as_a_submission_may_be_runs() {
    let roomy = Limits {
        memory: 128 << 20,
        fuel: 10_000_000_000,
        ..limits_with(ProgramLimits { memory: 128 << 20, ..program_limits() })
    };
    let verifier = running(&roomy);
    let source = format!("print a\n{}", "print\n".repeat(100)) + "exit 0\n" + &"x".repeat(8 << 20);
    assert_eq!(judge(&verifier, &source).reward(), Some(1.0));
}

#[test]
fn threads_that_share_a_slot_never_wait_for_each_other_forever() {
    for slots in [1, 2, 3] {
        let host = Host::new(HostConfig { slots, ..HostConfig::default() }).unwrap();
        let toy = host.load_interpreter_file(&guest("toy_interpreter")).unwrap();
        let runner = host.load_file(&guest("runner_guest")).unwrap();
        let limits = limits_with(program_limits());
        let verifier = runner.grant([toy].into_iter().collect()).verifier("{}", &limits).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let outcome = judge(&verifier, "times=3\n\nprint a\n---\nraise b");
                        assert_eq!(outcome.reward(), Some(3.0), "{outcome:?}");
                    }
                });
            }
        });
    }
}

#[test]
fn an_interpreter_of_another_host_runs_too() {
    let other = Host::new(HostConfig { slots: 1, ..HostConfig::default() }).unwrap();
    let toy = other.load_interpreter_file(&guest("toy_interpreter")).unwrap();
    drop(other);
    let verifier = host().load_file(&guest("runner_guest")).unwrap().grant([toy].into_iter().collect());
    let verifier = verifier.verifier("{}", &limits_with(program_limits())).unwrap();
    assert_eq!(judge(&verifier, "times=2\n\nprint a").reward(), Some(2.0));
}
