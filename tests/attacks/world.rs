//! What every attack needs: a host, a plugin that attacks on demand, and hostile files made from text.

#[path = "guests.rs"]
mod guests;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use gavel_host::{Host, HostConfig, Interpreter, Limits, Plugin, STACK, WasmVerifier};
use gavel_verify::{Outcome, Submission, Verdict, Verifier};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub(crate) use guests::guest;

/// Small, so that hitting them takes little time: a hundred million instructions, 64 MiB.
pub(crate) fn limits() -> Limits {
    Limits { fuel: 100_000_000, memory: 64 << 20, timeout: Duration::from_secs(60), ..Limits::default() }
}

/// The host that all attacks of this process share.
pub(crate) fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::new(HostConfig::default()).unwrap())
}

/// The plugin whose completions pick the attack, see `guests/src/lib.rs`.
pub(crate) fn attacker() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| host().load_file(&build_guest()).unwrap())
}

/// Judges `completion` with the attacker, within `limits`.
pub(crate) fn attack_within(completion: &str, limits: &Limits) -> Outcome {
    attacker().verifier("{}", limits).unwrap().verify(&submission(completion))
}

/// Judges `completion` with the attacker, and then an honest one: the host must have taken no harm.
pub(crate) fn attack(completion: &str) -> Outcome {
    let outcome = attack_within(completion, &limits());
    assert_unharmed();
    outcome
}

/// Asserts that the host still judges rightly.
pub(crate) fn assert_unharmed() {
    let outcome = attack_within("42", &limits());
    assert_eq!(outcome.result, Ok(honest_verdict()), "the call after the attack");
}

/// What the attacker says of `submission("42")`.
pub(crate) fn honest_verdict() -> Verdict {
    Verdict { reward: 1.0, reason: Some(r#"{"a":1}"#.to_owned()), metrics: vec![("length".to_owned(), 2.0)] }
}

/// The interpreter of the toy language, see `guests/interpreter/src/lib.rs`.
pub(crate) fn toy() -> &'static Interpreter {
    static TOY: OnceLock<Interpreter> = OnceLock::new();
    TOY.get_or_init(|| host().load_interpreter_file(&guest("toy_interpreter")).unwrap())
}

/// The verifier that runs the programs of a completion, see `guests/runner/src/lib.rs`, with nothing granted.
pub(crate) fn runner() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| host().load_file(&guest("runner_guest")).unwrap())
}

/// The runner, which is granted the toy interpreter.
pub(crate) fn running(limits: &Limits) -> WasmVerifier {
    runner().clone().grant([toy().clone()].into_iter().collect()).verifier("{}", limits).unwrap()
}

/// Runs `work` on a thread with as much stack as judging needs. Those of tests have the default.
pub(crate) fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).unwrap().join().unwrap()
    })
}

/// A submission whose reference is 42.
pub(crate) fn submission(completion: &str) -> Submission {
    Submission {
        prompt: "6*7".to_owned(),
        completion: completion.to_owned(),
        reference: Some("42".to_owned()),
        metadata: r#"{"a":1}"#.to_owned(),
    }
}

/// Loads a hostile component and makes a verifier of it.
pub(crate) fn verifier(component: &[u8], limits: &Limits) -> WasmVerifier {
    host().load(component, "hostile.wasm").unwrap().verifier("{}", limits).unwrap()
}

/// Builds the guests and says where the attacker is.
pub(crate) fn build_guest() -> PathBuf {
    guest("attack_guest")
}

/// The most bytes that this process ever held.
pub(crate) fn resident_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or(0, |peak| peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10)
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A component that describes itself with empty strings and whose `verify` is `body`.
///
/// `body` is WebAssembly text that leaves an address on the stack: that of `result<verdict, error-code>`, with the
/// discriminant at 0, the reward at 8, the reason (present, address, length) at 16, 20, 24, and the metrics
/// (address, length) at 28, 32. `fields` are more fields of the module. Addresses up to 4096 hold zeros.
pub(crate) fn component(fields: &str, body: &str) -> Vec<u8> {
    component_of_world("import gavel:verifier/types@0.1.0;", fields, body)
}

/// As [`component`], with `imports` in its world, in WIT.
pub(crate) fn component_of_world(imports: &str, fields: &str, body: &str) -> Vec<u8> {
    encode(
        &format!("{imports} export gavel:verifier/verifier@0.1.0;"),
        &module(fields, "(i32.const 1024)", body),
    )
}

/// As [`component`], with another body of `describe`.
pub(crate) fn component_describing(describe: &str) -> Vec<u8> {
    encode("export gavel:verifier/verifier@0.1.0;", &module(PAGE, describe, "(i32.const 2048)"))
}

fn module(fields: &str, describe: &str, verify: &str) -> String {
    format!(
        r#"(module {fields}
          (global $end (mut i32) (i32.const 4096))
          (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (global.get $end)
            (global.set $end
              (i32.and (i32.add (i32.add (global.get $end) (local.get 3)) (i32.const 15)) (i32.const -16))))
          (func (export "gavel:verifier/verifier@0.1.0#describe") (result i32) {describe})
          (func (export "gavel:verifier/verifier@0.1.0#verify")
            (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            {verify}))"#
    )
}

/// One page of memory, for [`component`].
pub(crate) const PAGE: &str = r#"(memory (export "memory") 1)"#;

/// A component of a world with these imports and exports, from the text of its core module.
pub(crate) fn encode(world: &str, module: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_path(repository().join("sdk/wit")).unwrap();
    for (name, text) in WASI {
        resolve.push_str(name, text).unwrap();
    }
    let package = resolve
        .push_str("hostile.wit", &format!("package hostile:guest; world guest {{ {world} }}"))
        .unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
}

/// As much of other packages as the hostile worlds mention.
const WASI: [(&str, &str); 3] = [
    (
        "io.wit",
        "package wasi:io@0.2.0;
         interface poll { resource pollable { block: func(); ready: func() -> bool; }
                          poll: func(in: list<borrow<pollable>>) -> list<u32>; }",
    ),
    (
        "clocks.wit",
        "package wasi:clocks@0.2.0;
         interface monotonic-clock { use wasi:io/poll@0.2.0.{pollable};
                                     now: func() -> u64;
                                     subscribe-duration: func(when: u64) -> pollable; }",
    ),
    ("unknown.wit", "package rogue:kernel@1.0.0; interface syscalls { syscall: func(number: u32) -> u32; }"),
];
