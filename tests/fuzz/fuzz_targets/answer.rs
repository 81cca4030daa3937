//! The host on whatever a guest answers: any bytes at all are a verdict, or a failure that says why not.
//!
//! One component stands for every hostile guest: it copies the fuzzer's bytes, which come as hex in the completion,
//! to where its answer is read from.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use gavel_host::{Host, HostConfig, Limits, WasmVerifier};
use gavel_verify::{Failure, Submission, Verifier};
use libfuzzer_sys::fuzz_target;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Where the answer lies; strings and lists may point anywhere in the one page of memory.
const MODULE: &str = r#"
(module
  (memory (export "memory") 1)
  (global $end (mut i32) (i32.const 32768))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $end)
    (global.set $end
      (i32.and (i32.add (i32.add (global.get $end) (local.get 3)) (i32.const 15)) (i32.const -16))))
  (func $digit (param $address i32) (result i32)
    (local $byte i32)
    (local.set $byte (i32.load8_u (local.get $address)))
    (select (i32.sub (local.get $byte) (i32.const 48)) (i32.sub (local.get $byte) (i32.const 87))
            (i32.lt_u (local.get $byte) (i32.const 58))))
  (func (export "gavel:verifier/verifier@0.1.0#describe") (result i32) (i32.const 1024))
  (func (export "gavel:verifier/verifier@0.1.0#verify")
    (param $prompt i32) (param $prompt_length i32) (param $completion i32) (param $length i32)
    (param i32 i32 i32 i32 i32 i32 i32) (result i32)
    (local $to i32)
    (local.set $to (i32.const 2048))
    (loop $next
      (if (i32.ge_u (local.get $length) (i32.const 2)) (then
        (i32.store8 (local.get $to)
          (i32.or (i32.shl (call $digit (local.get $completion)) (i32.const 4))
                  (call $digit (i32.add (local.get $completion) (i32.const 1)))))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $completion (i32.add (local.get $completion) (i32.const 2)))
        (local.set $length (i32.sub (local.get $length) (i32.const 2)))
        (br $next))))
    (i32.const 2048)))"#;

static GUEST: LazyLock<WasmVerifier> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    resolve
        .push_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/wit"))
        .expect("the contract is there");
    let world = "package hostile:guest; world guest { export gavel:verifier/verifier@0.1.0; }";
    let package = resolve.push_str("hostile.wit", world).expect("the world is one");
    let world = resolve.select_world(&[package], Some("guest")).expect("it is there");
    let mut module = wat::parse_str(MODULE).expect("the module is one");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it fits its world");
    let encoder = ComponentEncoder::default().validate(true).module(&module).expect("it is a module");
    let component = { encoder }.encode().expect("it has what its world needs");
    let host = Host::new(HostConfig::default()).expect("the machine has room for a host");
    let plugin = host.load(&component, "hostile.wasm").expect("it describes itself with empty strings");
    plugin.verifier("{}", &Limits::default()).expect("it takes no options")
});

fuzz_target!(|data: &[u8]| {
    // The answer must not reach into what realloc hands out.
    let data = &data[..data.len().min(16 << 10)];
    let completion = data.iter().map(|byte| format!("{byte:02x}")).collect();
    let outcome = GUEST.verify(&Submission { completion, ..Submission::default() });
    match outcome.result {
        Ok(verdict) => {
            assert!(verdict.reward.is_finite());
            assert!(verdict.metrics.is_empty(), "none was announced: {verdict:?}");
        }
        Err(Failure::Refused(reason) | Failure::InternalError(reason)) => {
            assert!(!reason.contains("the host could not"), "{reason}")
        }
        Err(Failure::Abstained(_) | Failure::InvalidTask(_) | Failure::OutputTooLarge { .. }) => {}
        Err(other) => panic!("a guest that only answers cannot end so: {other:?}"),
    }
});
