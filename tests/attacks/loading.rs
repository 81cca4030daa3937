//! Attacks on the time before a plugin judges: files that would take the compiler minutes or gigabytes, files that are no
//! files, plugins that hang while they are loaded, and somebody who wants it to end.

use std::process::Command;
use std::thread;
use std::time::Duration;

use gavel_host::{Host, HostConfig, Interrupt, Limits, LoadError};
use gavel_verify::{Failure, Verifier};

use crate::world::{
    PAGE, assert_unharmed, component, component_describing, encode, guest, host, limits, resident_peak,
    submission,
};

/// Fails to load a text of WebAssembly, and checks that this did no harm.
fn error(text: &str) -> LoadError {
    let error = host().load(&wat::parse_str(text).unwrap(), "hostile.wasm").unwrap_err();
    assert_unharmed();
    error
}

/// What a text of WebAssembly has too much of.
fn too_much(text: &str) -> &'static str {
    match error(text) {
        LoadError::TooComplex { what, .. } => what,
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_small_file_does_not_become_a_gibibyte() {
    let before = resident_peak();
    let far = r#"(memory 1700) (data (i32.const 0) "x") (data (i32.const 104857600) "x")"#;
    let one = format!(r#"(module {far} (func (export "_start")))"#);
    assert_eq!(too_much(&one), "bytes of memory to prepare");
    let hundred = format!("(component {})", format!("(core module {far})").repeat(100));
    assert_eq!(too_much(&hundred), "bytes of initial memory");
    let spread = r#"(core module (memory 600) (data (i32.const 0) "x") (data (i32.const 33554432) "x"))"#;
    assert_eq!(too_much(&format!("(component {})", spread.repeat(90))), "bytes of memory to prepare");
    assert!(resident_peak() - before < 64 << 20, "something has been prepared all the same");
}

#[test]
fn a_file_that_takes_a_compiler_minutes_is_refused() {
    let values = format!(
        "(module (memory 1) (func (export \"_start\") {} {}))",
        "(i64.load (i32.const 0)) ".repeat(30_000),
        "drop ".repeat(30_000)
    );
    assert_eq!(too_much(&values), "values on the stack in a function");
    let locals = format!("(module (func (export \"_start\") (local {})))", "i64 ".repeat(30_000));
    assert_eq!(too_much(&locals), "locals in a function");
    let exports: String = (0..50_000).map(|index| format!("(export \"{index}\" (func 0))")).collect();
    assert_eq!(too_much(&format!("(module (func) {exports})")), "exports");
    // Types of their own, since equal ones are one.
    let types: String = (0..50_000_u32)
        .map(|index| {
            let bits =
                (0..16).map(|bit| if index >> bit & 1 == 0 { "i32 " } else { "i64 " }).collect::<String>();
            format!("(type (func (param {bits})))")
        })
        .collect();
    assert_eq!(too_much(&format!("(module {types})")), "types");
}

#[test]
fn only_what_compilers_write_is_offered() {
    for text in [
        r#"(module (func (export "_start") (return_call 0)))"#,
        r#"(module (memory 1) (memory 1) (func (export "_start")))"#,
        r#"(module (memory 1 1 shared) (func (export "_start")))"#,
        r#"(module (memory i64 1) (func (export "_start")))"#,
        r#"(module (func (export "_start") (drop (f32x4.relaxed_min (v128.const i64x2 0 0) (v128.const i64x2 0 0)))))"#,
        r#"(module (type $f (func)) (func (export "_start") (call_ref $f (ref.null $f))))"#,
        r#"(module (memory 1 1 (pagesize 1)) (func (export "_start")))"#,
        r#"(module (func (export "_start") (drop (i64.add128 (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0))) drop))"#,
    ] {
        let error = error(text);
        assert!(
            matches!(error, LoadError::Compile { .. } | LoadError::Malformed { .. }),
            "{text}: {error:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.wasm");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let zeros = folder.path().join("zeros.wasm");
    std::os::unix::fs::symlink("/dev/zero", &zeros).unwrap();
    for path in [&pipe, &zeros, &folder.path().to_owned()] {
        let error = host().load_file(path).unwrap_err();
        assert!(matches!(error, LoadError::Io { .. }), "{}: {error:?}", path.display());
    }
    // Two gigabytes of nothing, and as many that start right.
    let before = resident_peak();
    for (start, wanted) in [(&b""[..], "not WebAssembly"), (b"\0asm\x01\0\0\0", "more than the 268435456")] {
        let sparse = folder.path().join("sparse.wasm");
        std::fs::write(&sparse, start).unwrap();
        std::fs::File::options().write(true).open(&sparse).unwrap().set_len(2 << 30).unwrap();
        let error = host().load_file(&sparse).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
    assert!(resident_peak() - before < 64 << 20, "it was read all the same");
}

#[test]
fn options_that_are_no_schema_are_refused() {
    // The length of the schema's text, which is a NUL.
    let describing = component_describing("(i32.store (i32.const 1052) (i32.const 1)) (i32.const 1024)");
    let LoadError::Describe { source: Failure::Refused(reason), .. } =
        host().load(&describing, "hostile.wasm").unwrap_err()
    else {
        panic!()
    };
    assert!(reason.contains("no JSON object"), "{reason}");
}

#[test]
fn a_metric_that_is_described_twice_is_refused() {
    let twice = component_describing(
        "(i32.store (i32.const 1056) (i32.const 3000)) (i32.store (i32.const 1060) (i32.const 2)) (i32.const 1024)",
    );
    let LoadError::Describe { source: Failure::Refused(reason), .. } =
        host().load(&twice, "hostile.wasm").unwrap_err()
    else {
        panic!()
    };
    assert!(reason.contains("twice"), "{reason}");
}

#[test]
fn names_from_a_file_stay_on_their_line() {
    let long = "x".repeat(90_000);
    for name in ["env\nerror: all is well", "\u{1b}[2J", &long] {
        let quoted: String = name.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let text = format!(r#"(module (import "env" "{quoted}" (func)) (func (export "_start")))"#);
        let LoadError::UnknownImport { import, .. } = error(&text) else { panic!() };
        assert!(!import.contains(['\n', '\u{1b}']) && import.chars().count() <= 201, "{import:?}");
        let text = format!(r#"(module (func (export "{quoted}")))"#);
        let LoadError::Contract { found, .. } = error(&text) else { panic!() };
        assert!(!found.contains(['\n', '\u{1b}']) && found.chars().count() < 250, "{found:?}");
    }
}

#[test]
fn a_manifests_limits_do_not_reach_the_probe() {
    // The plugin loops while it is asked about its options, and its limits would let it do so for years.
    let endless = component(PAGE, "(loop (br 0)) unreachable");
    let years = Duration::from_secs(u64::from(u32::MAX));
    let generous = Limits { fuel: u64::MAX, timeout: years, memory: u64::MAX, ..Limits::default() };
    assert!(host().load(&endless, "endless.wasm").unwrap().verifier("{}", &generous).is_ok());
}

#[test]
fn plugins_are_loaded_on_a_stack_that_is_large_enough() {
    // A recursion that uses up the native stack, on a thread that has a quarter of what it may use.
    let deep = r#"(func $f (param i64) (result i64) (i64.add (call $f (local.get 0)) (i64.const 1)))"#;
    let describe = encode(
        "export gavel:verifier/verifier@0.1.0;",
        &format!(
            r#"(module {PAGE} {deep}
                 (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
                 (func (export "gavel:verifier/verifier@0.1.0#describe") (result i32)
                   (drop (call $f (i64.const 1))) (i32.const 1024))
                 (func (export "gavel:verifier/verifier@0.1.0#verify")
                   (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 2048)))"#
        ),
    );
    let probe = component(&format!("{PAGE} {deep}"), "(drop (call $f (i64.const 1))) (i32.const 2048)");
    host();
    let small = thread::Builder::new().stack_size(256 << 10);
    small
        .spawn(move || {
            let error = host().load(&describe, "deep.wasm").unwrap_err();
            assert!(matches!(error, LoadError::Describe { source: Failure::Trap { .. }, .. }), "{error:?}");
            assert!(host().load(&probe, "deep.wasm").unwrap().verifier("{}", &limits()).is_ok());
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn an_interrupt_ends_loading_and_judging() {
    let interrupt = Interrupt::new();
    let config = HostConfig { slots: 1, interrupt: interrupt.clone(), ..HostConfig::default() };
    let host = Host::new(config).unwrap();
    let attacker = host.load_file(&guest("attack_guest")).unwrap();
    // Within these limits the test would not end.
    let years = Duration::from_secs(u64::from(u32::MAX));
    let limits = Limits { fuel: u64::MAX, timeout: years, ..limits() };
    let endless = attacker.verifier("{}", &limits).unwrap();
    let other = host.load(&component(PAGE, "(i32.const 2048)"), "other.wasm").unwrap();
    let judging = thread::spawn(move || endless.verify(&submission("endless loop")));
    thread::sleep(Duration::from_millis(20));
    interrupt.set();
    let outcome = judging.join().unwrap();
    assert!(matches!(outcome.result, Err(Failure::HostFailed(_))), "{outcome:?}");
    assert_eq!(outcome.fuel, None);
    assert!(matches!(other.verifier("{}", &limits), Err(LoadError::Interrupted { .. })));
    let describing = component_describing("(loop (br 0)) unreachable");
    assert!(matches!(host.load(&describing, "late.wasm"), Err(LoadError::Interrupted { .. })));
}
