//! Attacks by files: what is not a plugin must not load, and must say why by kind.

use std::path::Path;

use gavel_host::{Format, LoadError, Plugin};
use gavel_verify::Failure;

use crate::world::{
    PAGE, assert_unharmed, attacker, build_guest, component, component_describing, component_of_world,
    encode, guest, host, limits,
};

/// Fails to load `bytes`, and checks that this did no harm.
fn error(bytes: &[u8]) -> LoadError {
    let error =
        host().load(bytes, "hostile.wasm").map(|plugin: Plugin| plugin.digest().to_owned()).unwrap_err();
    assert_unharmed();
    error
}

#[test]
fn the_guest_itself_loads() {
    let plugin = attacker();
    assert_eq!(plugin.format(), Format::Component);
    assert_eq!(plugin.description().name, "attack");
    assert_eq!(plugin.description().version, "1.2.3");
    assert_eq!(plugin.description().metrics, ["length"]);
    assert!(plugin.exports().contains(&"gavel:verifier/verifier@0.1.0".to_owned()), "{:?}", plugin.exports());
    assert!(plugin.imports().iter().any(|import| import.starts_with("wasi:cli/")), "{:?}", plugin.imports());
    let bytes = std::fs::read(build_guest()).unwrap();
    assert_eq!(plugin.size(), bytes.len() as u64);
    assert_eq!(plugin.digest().len(), 64);
}

#[test]
fn a_file_that_is_not_there() {
    let error = host().load_file(Path::new("/no/such/plugin.wasm")).unwrap_err();
    assert!(matches!(error, LoadError::Io { .. }), "{error:?}");
}

#[test]
fn files_that_are_not_webassembly() {
    for bytes in [&b""[..], b"\0as", b"#!/bin/sh\n", b"\x7fELF"] {
        assert!(matches!(error(bytes), LoadError::NotWasm { .. }), "{bytes:?}");
    }
    for bytes in [&b"\0asm"[..], b"\0asm\x01", b"\0asm\x09\0\0\0"] {
        assert!(matches!(error(bytes), LoadError::Malformed { .. }), "{bytes:?}");
    }
}

#[test]
fn truncated_webassembly() {
    let bytes = std::fs::read(build_guest()).unwrap();
    // Beyond the header, which alone is an empty component.
    for length in (10..bytes.len()).step_by(bytes.len() / 50) {
        let cut = host().load(&bytes[..length], "cut.wasm");
        // A cut between two sections leaves a valid component, but not a plugin.
        assert!(
            matches!(cut, Err(LoadError::Malformed { .. } | LoadError::Contract { .. })),
            "cut to {length} of {}: {cut:?}",
            bytes.len()
        );
    }
    assert!(matches!(error(&bytes[..bytes.len() / 2]), LoadError::Malformed { .. }));
    assert!(matches!(error(&bytes[..8]), LoadError::Contract { .. }));
}

#[test]
fn corrupted_webassembly() {
    let bytes = component(PAGE, "(i32.const 2048)");
    let mut refused = 0;
    for position in 8..bytes.len() {
        let mut corrupted = bytes.clone();
        corrupted[position] ^= 0x55;
        // Some bytes are free to change: names of locals, constants. Whatever loads must still be held in.
        match host().load(&corrupted, "corrupted.wasm") {
            Ok(plugin) => drop(plugin.verifier("{}", &limits())),
            Err(LoadError::Io { .. } | LoadError::NotWasm { .. } | LoadError::InvalidOptions { .. }) => {
                panic!("byte {position} is not about this")
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > bytes.len() / 2, "{refused} of {} corruptions were noticed", bytes.len());
    assert_unharmed();
}

#[test]
fn an_import_that_nobody_offers() {
    let rogue = component_of_world(
        "import rogue:kernel/syscalls@1.0.0;",
        r#"(import "rogue:kernel/syscalls@1.0.0" "syscall" (func $call (param i32) (result i32)))
           (memory (export "memory") 1)"#,
        "(call $call (i32.const 1))",
    );
    let LoadError::UnknownImport { import, .. } = error(&rogue) else { panic!() };
    assert_eq!(import, "rogue:kernel/syscalls@1.0.0");
}

#[test]
fn an_import_that_is_not_granted() {
    let interpreter = component_of_world(
        "import gavel:verifier/interpreter@0.1.0;",
        r#"(import "gavel:verifier/interpreter@0.1.0" "run"
             (func $run (param i32 i32 i32 i32 i32 i32 i64 i64 i32)))
           (memory (export "memory") 1)"#,
        "(call $run (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                    (i64.const 0) (i64.const 0) (i32.const 3000))
         (i32.const 2048)",
    );
    let plugin = host().load(&interpreter, "hostile.wasm").unwrap();
    assert!(plugin.runs_programs());
    let LoadError::NotGranted { import, .. } = plugin.verifier("{}", &limits()).unwrap_err() else {
        panic!()
    };
    assert_eq!(import, "gavel:verifier/interpreter@0.1.0");
    assert_unharmed();
}

#[test]
fn an_interpreter_is_no_verifier_and_a_verifier_no_interpreter() {
    let toy = std::fs::read(guest("toy_interpreter")).unwrap();
    assert!(matches!(error(&toy), LoadError::Interpreter { .. }));
    let error = host().load_interpreter_file(&guest("attack_guest")).unwrap_err();
    let LoadError::Contract { wanted, .. } = error else { panic!("{error:?}") };
    assert!(wanted.contains("gavel:verifier/execution@0.1.0"), "{wanted}");
    let command = wat::parse_str(r#"(module (func (export "_start")))"#).unwrap();
    assert!(matches!(host().load_interpreter(&command, "command"), Err(LoadError::Contract { .. })));
    assert!(matches!(host().load_interpreter(b"#!/bin/sh", "script"), Err(LoadError::NotWasm { .. })));
}

#[test]
fn an_interpreter_that_runs_programs_with_another_does_not_load() {
    let nested = encode(
        "import gavel:verifier/interpreter@0.1.0; export gavel:verifier/execution@0.1.0;",
        r#"(module
             (import "gavel:verifier/interpreter@0.1.0" "run"
               (func $run (param i32 i32 i32 i32 i32 i32 i64 i64 i32)))
             (memory (export "memory") 1)
             (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
             (func (export "gavel:verifier/execution@0.1.0#describe") (result i32) (i32.const 1024))
             (func (export "gavel:verifier/execution@0.1.0#execute") (param i32 i32) (result i32)
               (call $run (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                          (i64.const 0) (i64.const 0) (i32.const 3000))
               (i32.const 2048)))"#,
    );
    let error = host().load_interpreter(&nested, "nested.wasm").unwrap_err();
    let LoadError::UnknownImport { import, .. } = error else { panic!("{error:?}") };
    assert_eq!(import, "gavel:verifier/interpreter@0.1.0");
}

#[test]
fn an_interpreter_with_the_contracts_names_and_other_types() {
    let other = wat::parse_str(
        r#"(component
             (core module $m (func (export "f") (result i32) (i32.const 1)))
             (core instance $i (instantiate $m))
             (func $f (result u32) (canon lift (core func $i "f")))
             (instance $execution (export "describe" (func $f)) (export "execute" (func $f)))
             (export "gavel:verifier/execution@0.1.0" (instance $execution)))"#,
    )
    .unwrap();
    assert!(matches!(host().load_interpreter(&other, "other.wasm"), Err(LoadError::Contract { .. })));
}

#[test]
fn a_component_of_another_world() {
    let other =
        encode("export f: func() -> u32;", r#"(module (func (export "f") (result i32) (i32.const 1)))"#);
    let LoadError::Contract { wanted, found, .. } = error(&other) else { panic!() };
    assert!(wanted.contains("gavel:verifier/verifier@0.1.0"), "{wanted}");
    assert_eq!(found, "`f`");
}

#[test]
fn a_component_with_the_contracts_names_and_other_types() {
    let other = wat::parse_str(
        r#"(component
             (core module $m (func (export "f") (result i32) (i32.const 1)))
             (core instance $i (instantiate $m))
             (func $f (result u32) (canon lift (core func $i "f")))
             (instance $verifier (export "describe" (func $f)) (export "verify" (func $f)))
             (export "gavel:verifier/verifier@0.1.0" (instance $verifier)))"#,
    )
    .unwrap();
    let LoadError::Contract { found, .. } = error(&other) else { panic!() };
    assert!(!found.is_empty());
}

#[test]
fn a_module_that_is_no_command() {
    let library = wat::parse_str(r#"(module (func (export "add") (result i32) (i32.const 1)))"#).unwrap();
    let LoadError::Contract { found, .. } = error(&library) else { panic!() };
    assert!(found.contains("add"), "{found}");
    let wrong_type = wat::parse_str(r#"(module (func (export "_start") (param i32)))"#).unwrap();
    assert!(matches!(error(&wrong_type), LoadError::Contract { .. }));
}

#[test]
fn a_command_with_an_import_that_nobody_offers() {
    let rogue =
        wat::parse_str(r#"(module (import "env" "system" (func)) (func (export "_start")))"#).unwrap();
    let LoadError::UnknownImport { import, .. } = error(&rogue) else { panic!() };
    assert_eq!(import, "env.system");
}

#[test]
fn a_plugin_that_cannot_describe_itself() {
    let LoadError::Describe { source, .. } = error(&component_describing("unreachable")) else { panic!() };
    assert!(matches!(source, Failure::Trap { .. }), "{source:?}");
    let LoadError::Describe { source, .. } = error(&component_describing("(loop (br 0)) unreachable")) else {
        panic!()
    };
    assert!(matches!(source, Failure::OutOfFuel { .. }), "{source:?}");
    let LoadError::Describe { source, .. } = error(&component_describing("(i32.const 65530)")) else {
        panic!()
    };
    assert!(matches!(source, Failure::Refused(_)), "{source:?}");
}

#[test]
fn a_module_that_wants_more_than_the_engine_offers() {
    // 64-bit memories and threads are switched off.
    let memory64 = wat::parse_str(r#"(module (memory i64 1) (func (export "_start")))"#).unwrap();
    assert!(matches!(error(&memory64), LoadError::Compile { .. }));
    let many = format!("(module {} (func (export \"_start\")))", "(memory 1)".repeat(50));
    assert!(matches!(error(&wat::parse_str(many).unwrap()), LoadError::Compile { .. }));
}
