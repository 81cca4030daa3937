//! The second format: WASI commands that judge, and WASI commands that attack.

use std::time::Duration;

use gavel_host::{Format, Limits, LoadError, Plugin};
use gavel_verify::{Failure, Outcome, Submission, Verdict, Verifier};

use crate::world::{assert_unharmed, host, limits, submission};

/// The WASI functions that the commands here use, and a page of memory.
const WASI: &str = r#"
    (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    ;; Writes `length` bytes at `address` to stdout.
    (func $say (param $address i32) (param $length i32)
      (i32.store (i32.const 0) (local.get $address))
      (i32.store (i32.const 4) (local.get $length))
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"#;

/// A command that runs `body`; `fields` are more fields of the module.
fn command(fields: &str, body: &str) -> Plugin {
    let text = format!(r#"(module {WASI} {fields} (func (export "_start") {body}))"#);
    host().load(&wat::parse_str(text).unwrap(), "some/where/judge.wasm").unwrap()
}

/// The file of a command that answers everything with `answer`.
fn answering_bytes(answer: &str) -> Vec<u8> {
    let escaped: String = answer.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let say = format!("(call $say (i32.const 1024) (i32.const {}))", answer.len());
    let data = format!(r#"(data (i32.const 1024) "{escaped}")"#);
    wat::parse_str(format!(r#"(module {WASI} {data} (func (export "_start") {say}))"#)).unwrap()
}

/// A command that answers everything with `answer`.
fn answering(answer: &str) -> Plugin {
    host().load(&answering_bytes(answer), "some/where/judge.wasm").unwrap()
}

fn judge_within(plugin: &Plugin, limits: &Limits) -> Outcome {
    let outcome = plugin.verifier("{}", limits).unwrap().verify(&submission("42"));
    assert_unharmed();
    outcome
}

fn judge(plugin: &Plugin) -> Outcome {
    judge_within(plugin, &limits())
}

fn judge_answer(answer: &str) -> Result<Verdict, Failure> {
    judge(&answering(answer)).result
}

/// Answers with the reward that is the number on the stack, from 0 to 9.
fn digit(body: &str) -> Plugin {
    command(
        r#"(data (i32.const 1024) "{\"reward\":0}")"#,
        &format!(
            "(i32.store8 (i32.const 1034) (i32.add (i32.const 48) {body})) (call $say (i32.const 1024) (i32.const 12))"
        ),
    )
}

#[test]
fn a_verdict() {
    let plugin = answering(r#"{"reward": 0.5, "reason": "half", "metrics": {"b": 2, "a": 1.5}}"#);
    assert_eq!(plugin.format(), Format::WasiCommand);
    assert_eq!(plugin.description().name, "judge");
    let metrics = vec![("b".to_owned(), 2.0), ("a".to_owned(), 1.5)];
    let outcome = judge(&plugin);
    assert_eq!(outcome.result, Ok(Verdict { reward: 0.5, reason: Some("half".to_owned()), metrics }));
    assert!(outcome.fuel > Some(0));
    assert_eq!(judge_answer("{\"reward\": 1}\n"), Ok(Verdict::new(1.0)));
}

#[test]
fn it_reads_the_submission() {
    // Says back what it read, as the reason of its verdict, with every quote turned into a tick.
    let echo = command(
        r#"(data (i32.const 1024) "{\"reward\":1,\"reason\":\"") (data (i32.const 1100) "\"}") (global $end (mut i32) (i32.const 2048))"#,
        "(local $at i32)
         (i32.store (i32.const 0) (i32.const 2048))
         (i32.store (i32.const 4) (i32.const 8000))
         (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
         ;; All but the newline at the end.
         (global.set $end (i32.add (i32.const 2047) (i32.load (i32.const 8))))
         (local.set $at (i32.const 2048))
         (loop
           (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 34)) (then (i32.store8 (local.get $at) (i32.const 39))))
           (local.set $at (i32.add (local.get $at) (i32.const 1)))
           (br_if 0 (i32.lt_u (local.get $at) (global.get $end))))
         (call $say (i32.const 1024) (i32.const 22))
         (call $say (i32.const 2048) (i32.sub (global.get $end) (i32.const 2048)))
         (call $say (i32.const 1100) (i32.const 2))",
    );
    let verifier = echo.verifier(r#"{"mode": 3}"#, &limits()).unwrap();
    let said = |submission: &Submission| verifier.verify(submission).result.unwrap().reason.unwrap();
    assert_eq!(
        said(&submission("x")),
        "{'prompt':'6*7','completion':'x','reference':'42','metadata':{'a':1},'options':{'mode': 3}}"
    );
    assert_eq!(
        said(&Submission::default()),
        "{'prompt':'','completion':'','reference':null,'metadata':{},'options':{'mode': 3}}"
    );
    let no_json = Submission { metadata: "{".to_owned(), ..submission("x") };
    assert!(matches!(verifier.verify(&no_json).result, Err(Failure::Refused(_))));
}

#[test]
fn it_may_read_with_a_large_buffer() {
    let reads = digit(
        "(block (result i32)
           (drop (memory.grow (i32.const 16)))
           (i32.store (i32.const 0) (i32.const 65536))
           (i32.store (i32.const 4) (i32.const 1048576))
           (i32.eqz (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))))",
    );
    assert_eq!(judge(&reads).result, Ok(Verdict::new(1.0)));
}

#[test]
fn it_can_describe_itself() {
    let described = answering(
        r#"{"description": {"name": "pair", "version": "2.0.0", "options": {"type": "object"}, "metrics": ["a"]}}"#,
    );
    assert_eq!(described.description().name, "pair");
    assert_eq!(described.description().options, r#"{"type":"object"}"#);
    assert_eq!(described.description().metrics, ["a"]);
}

#[test]
fn what_it_says_of_itself_is_held_to_what_it_means() {
    let describing = |description: &str| {
        let plugin = answering_bytes(&format!(r#"{{"description": {description}}}"#));
        host().load(&plugin, "judge.wasm").map(drop)
    };
    assert!(describing(r#"{"name": "pair", "metrics": ["a", "b"]}"#).is_ok());
    let twice = describing(r#"{"name": "pair", "metrics": ["a", "b", "a"]}"#);
    let Err(LoadError::Describe { source: Failure::Refused(reason), .. }) = twice else {
        panic!("{twice:?}")
    };
    assert!(reason.contains("`a` twice"), "{reason}");
}

#[test]
fn errors_by_name() {
    assert_eq!(judge_answer(r#"{"error": {"abstain": "no"}}"#), Err(Failure::Abstained("no".to_owned())));
    assert_eq!(
        judge_answer(r#"{"error": {"invalid-task": "no"}}"#),
        Err(Failure::InvalidTask("no".to_owned()))
    );
    assert_eq!(
        judge_answer(r#"{"error": {"internal-error": "no"}}"#),
        Err(Failure::InternalError("no".to_owned()))
    );
    let picky = answering(r#"{"error": {"invalid-options": "no"}}"#);
    let error = picky.verifier("{}", &limits()).unwrap_err();
    assert!(matches!(&error, LoadError::InvalidOptions { reason, .. } if reason == "no"), "{error:?}");
}

#[test]
fn answers_that_are_no_verdict() {
    for answer in [
        "",
        "{}",
        "1",
        "yes",
        r#"{"reward": "1"}"#,
        r#"{"reward": 1e999}"#,
        r#"{"reward": NaN}"#,
        r#"{"reward": 1, "raeson": "typo"}"#,
        r#"{"reward": 1, "metrics": {"a": "x"}}"#,
        r#"{"reward": 1, "error": {"abstain": ""}}"#,
        r#"{"error": {"unheard-of": ""}}"#,
        r#"{"reward": 1}{"reward": 2}"#,
        r#"{"reward": 1, "reason": "\xff"}"#,
        r#"{"reward": 1, "metrics": {"a": 1, "b": 2, "a": 3}}"#,
    ] {
        let result = judge_answer(answer);
        assert!(matches!(result, Err(Failure::Refused(_))), "{answer}: {result:?}");
    }
}

#[test]
fn an_endless_loop() {
    let outcome = judge(&command("", "(loop (br 0))"));
    assert_eq!(outcome.result, Err(Failure::OutOfFuel { limit: limits().fuel }));
    let timeout = Duration::from_millis(30);
    let outcome =
        judge_within(&command("", "(loop (br 0))"), &Limits { fuel: u64::MAX, timeout, ..limits() });
    assert_eq!(outcome.result, Err(Failure::Deadline { limit: timeout }));
}

#[test]
fn a_trap_an_exit_and_a_bomb() {
    let outcome = judge(&command("", "unreachable"));
    assert!(
        matches!(&outcome.result, Err(Failure::Trap { backtrace, .. }) if !backtrace.is_empty()),
        "{outcome:?}"
    );
    let outcome = judge(&command("", "(call $exit (i32.const 3))"));
    assert!(
        matches!(&outcome.result, Err(Failure::Trap { message, .. }) if message.contains('3')),
        "{outcome:?}"
    );
    let bomb = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    assert_eq!(judge(&command("", bomb)).result, Err(Failure::OutOfMemory { limit: limits().memory }));
}

#[test]
fn an_exit_with_zero_is_an_end() {
    let body = "(call $say (i32.const 1024) (i32.const 12)) (call $exit (i32.const 0)) unreachable";
    let polite = command(r#"(data (i32.const 1024) "{\"reward\":1}")"#, body);
    assert_eq!(judge(&polite).result, Ok(Verdict::new(1.0)));
}

#[test]
fn a_flood_is_too_large() {
    let flood = command("", "(loop (call $say (i32.const 0) (i32.const 60000)) (br 0))");
    assert_eq!(judge(&flood).result, Err(Failure::OutputTooLarge { limit: 64 << 10 }));
}

#[test]
fn a_loop_of_calls_of_the_host_ends_by_fuel() {
    // Room for 400,000 vectors, all empty, and for 40,000 subscriptions.
    let grow = "(drop (memory.grow (i32.const 60)))";
    for (name, call) in [
        (
            "a write to standard error",
            "(drop (call $fd_write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 8)))",
        ),
        (
            "a write of 400,000 empty vectors",
            "(drop (call $fd_write (i32.const 2) (i32.const 65536) (i32.const 400000) (i32.const 8)))",
        ),
        (
            "a read at the end",
            "(drop (call $fd_read (i32.const 0) (i32.const 24) (i32.const 1) (i32.const 8)))",
        ),
        ("a random byte", "(drop (call $random (i32.const 100) (i32.const 1)))"),
        ("a look at the clock", "(drop (call $time (i32.const 1) (i64.const 1) (i32.const 400)))"),
        (
            "a wait for one timer",
            "(drop (call $poll (i32.const 1000) (i32.const 2000) (i32.const 1) (i32.const 300)))",
        ),
        (
            "a wait for 40,000 timers",
            "(drop (call $poll (i32.const 65536) (i32.const 65536) (i32.const 40000) (i32.const 300)))",
        ),
        ("a look at the environment", "(drop (call $environ (i32.const 100) (i32.const 104)))"),
        (
            "an attempt to open a file",
            "(drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 16000) (i32.const 0)
                         (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 100)))",
        ),
    ] {
        let vectors = "(i32.store (i32.const 16) (i32.const 4096)) (i32.store (i32.const 20) (i32.const 100))
                       (i32.store (i32.const 24) (i32.const 4096)) (i32.store (i32.const 28) (i32.const 60000))";
        let endless = command("", &format!("{grow} {vectors} (loop {call} (br 0))"));
        let [first, again] = [judge(&endless), judge(&endless)];
        assert_eq!(first.result, Err(Failure::OutOfFuel { limit: limits().fuel }), "{name}");
        assert_eq!((first.fuel, &first.result), (Some(limits().fuel), &again.result), "{name}");
    }
}

#[test]
fn random_bytes_are_limited_for_the_whole_submission() {
    let draw = |times: u32| {
        let body = format!(
            "(local $left i32) (local.set $left (i32.const {times})) (drop (memory.grow (i32.const 20)))
             (loop
               (drop (call $random (i32.const 65536) (i32.const 1048576)))
               (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
             (call $say (i32.const 1024) (i32.const 12))"
        );
        command(r#"(data (i32.const 1024) "{\"reward\":1}")"#, &body)
    };
    let roomy = Limits { fuel: 1_000_000_000, ..limits() };
    assert_eq!(judge_within(&draw(16), &roomy).reward(), Some(1.0));
    let outcome = judge_within(&draw(17), &roomy);
    assert!(
        matches!(&outcome.result, Err(Failure::Trap { message, .. }) if message.contains("random bytes")),
        "{outcome:?}"
    );
}

#[test]
fn a_sleep_of_an_hour_takes_no_time() {
    // A relative timer on the monotonic clock, then the hours that have passed there.
    let sleeper = digit(
        "(i32.wrap_i64 (block (result i64)
           (i32.store (i32.const 116) (i32.const 1))
           (i64.store (i32.const 124) (i64.const 3600000000000))
           (if (call $poll (i32.const 100) (i32.const 200) (i32.const 1) (i32.const 300)) (then unreachable))
           (if (i32.ne (i32.load (i32.const 300)) (i32.const 1)) (then unreachable))
           (drop (call $time (i32.const 1) (i64.const 1) (i32.const 400)))
           (i64.div_u (i64.load (i32.const 400)) (i64.const 3600000000000))))",
    );
    assert_eq!(judge(&sleeper).reward(), Some(1.0));
}

#[test]
fn waiting_for_nothing_or_from_nowhere_fails_politely() {
    let nothing = digit(
        "(i32.eq (call $poll (i32.const 100) (i32.const 200) (i32.const 0) (i32.const 300)) (i32.const 28))",
    );
    assert_eq!(judge(&nothing).reward(), Some(1.0));
    let nowhere = digit(
        "(i32.eq (call $poll (i32.const -8) (i32.const 200) (i32.const -1) (i32.const 300)) (i32.const 21))",
    );
    assert_eq!(judge(&nowhere).reward(), Some(1.0));
}

#[test]
fn nothing_of_the_machine_can_be_reached() {
    let environment = digit(
        "(i32.add
           (i32.add (call $environ (i32.const 100) (i32.const 104)) (i32.load (i32.const 100)))
           (i32.add (call $args (i32.const 108) (i32.const 112)) (i32.load (i32.const 108))))",
    );
    assert_eq!(judge(&environment).reward(), Some(0.0));
    // No descriptor leads to a folder: error 8, "bad file descriptor".
    let files = digit(
        "(call $open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 0)
               (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 100))",
    );
    assert_eq!(judge(&files).reward(), Some(8.0));
}

#[test]
fn random_numbers_follow_from_the_submission() {
    let dice = digit(
        "(i32.rem_u (block (result i32) (drop (call $random (i32.const 100) (i32.const 4))) (i32.load (i32.const 100)))
                    (i32.const 10))",
    );
    let verifier = dice.verifier("{}", &limits()).unwrap();
    let throw = |prompt: u32| {
        verifier.verify(&Submission { prompt: prompt.to_string(), ..Submission::default() }).reward().unwrap()
            as u32
    };
    let throws: Vec<_> = (0..20).map(throw).collect();
    assert_eq!(throws, (0..20).map(throw).collect::<Vec<_>>());
    assert!(throws.iter().any(|&eyes| eyes != throws[0]), "{throws:?}");
}
