//! A thousand attacks leave the host as large as it was, and a trap takes no memory. Alone in its process, so that nobody else's memory counts.

#[expect(dead_code, reason = "this test needs only some of what the attacks share")]
mod world;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gavel_host::{Limits, ProgramLimits, WasmVerifier};
use gavel_verify::{Status, Verdict, Verifier};
use world::{
    PAGE, attacker, component, host, limits, resident_peak, running, submission, verifier, with_stack,
};

/// Growth that is put down to the allocator and the kernel's bookkeeping. One leaked store, stack or answer of an
/// attack is larger than a thousandth of this.
const TOLERANCE: u64 = 24 << 20;

/// Held by the test that measures.
static MEASURING: Mutex<()> = Mutex::new(());

/// What the attacker is asked to do, and what must come of it.
const ATTACKS: [(&str, Status); 15] = [
    ("endless loop", Status::OutOfFuel),
    ("endless recursion", Status::Trap),
    ("sleep for an hour", Status::Verdict),
    ("memory bomb", Status::OutOfMemory),
    ("huge error", Status::OutputTooLarge),
    ("reason that is not text", Status::Refused),
    ("not a number", Status::Refused),
    ("panic", Status::Trap),
    ("exit", Status::Trap),
    ("files", Status::Verdict),
    ("network", Status::Verdict),
    ("clock", Status::Verdict),
    ("entropy", Status::Verdict),
    ("endless flood", Status::OutOfFuel),
    ("abstain", Status::Abstained),
];

/// What an interpreter is asked to run, and how it must end.
const PROGRAMS: [(&str, &str); 8] = [
    ("loop", "out-of-fuel"),
    ("bomb", "out-of-memory"),
    ("flood", "output-too-large"),
    ("recurse", "trapped"),
    ("dig", "trapped"),
    ("abort", "trapped"),
    ("raise", "raised"),
    ("echo", "exited 0"),
];

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_thousand_attacks_leave_memory_as_it_was() {
    let Some(_) = resident() else {
        eprintln!("skipped: this system does not tell how much memory a process holds");
        return;
    };
    let _alone = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let small = Limits { fuel: 10_000_000, memory: 4 << 20, timeout: Duration::from_secs(60), ..limits() };
    let attacker = attacker().verifier("{}", &small).unwrap();
    let table_bomb = verifier(
        &component(
            r#"(memory (export "memory") 1) (table $t 1 funcref)"#,
            "(loop (br_if 0 (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))) unreachable",
        ),
        &small,
    );
    let programs =
        ProgramLimits { fuel: 100_000_000, memory: 4 << 20, output: 10_000, ..small.programs.clone() };
    let running = running(&Limits { programs, ..small.clone() });
    // The slot of each attack has its memory warm after the first rounds.
    for _ in 0..5 {
        round(&attacker, &table_bomb, &running);
    }
    let before = resident().unwrap();
    for _ in 0..1000 / (ATTACKS.len() + PROGRAMS.len() + 2) + 1 {
        round(&attacker, &table_bomb, &running);
    }
    let after = resident().unwrap();
    assert!(after < before + TOLERANCE, "{} MiB before, {} MiB after", before >> 20, after >> 20);
    assert_eq!(attacker.verify(&submission("42")).reward(), Some(1.0));
}

/// Debug information is the author's, as much as they like, and who looks a trap up in it reads all of it for every frame.
#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_trap_is_not_looked_up_in_debug_information() {
    let Some(_) = resident() else {
        eprintln!("skipped: this system does not tell how much memory a process holds");
        return;
    };
    let _alone = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let trap = host().load(&with_debug_information(200_000), "hostile.wasm").unwrap();
    let trap = trap.verifier("{}", &limits()).unwrap();
    // Sets the peak back to what is held now: <https://www.kernel.org/doc/html/latest/filesystems/proc.html>.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = resident().unwrap();
    assert_eq!(trap.verify(&submission("x")).status(), Status::Trap);
    let most = resident_peak();
    assert!(most < before + TOLERANCE, "{} MiB before, {} MiB at most", before >> 20, most >> 20);
}

/// A command that traps eight calls deep, with DWARF that describes `units` compilation units. See
/// <https://dwarfstd.org/doc/DWARF4.pdf>, §7.5.
fn with_debug_information(units: usize) -> Vec<u8> {
    // One kind of entry: a compilation unit without children or attributes.
    let abbreviations = r"\01\11\00\00\00\00";
    // Length, version, where the abbreviations begin, bytes of an address, one entry, the end of entries.
    let unit = r"\09\00\00\00\04\00\00\00\00\00\04\01\00";
    let calls: String = (0..8).map(|depth| format!("(func $at{depth} (call $at{}))", depth + 1)).collect();
    let text = format!(
        r#"(module {calls}
             (memory (export "memory") 1)
             (func $at8 unreachable)
             (func (export "_start") (call $at0))
             (@custom ".debug_abbrev" "{abbreviations}")
             (@custom ".debug_info" "{}"))"#,
        unit.repeat(units)
    );
    wat::parse_str(text).unwrap()
}

/// Every attack once, a bomb of tables, a damaged file and every hostile program.
fn round(attacker: &WasmVerifier, table_bomb: &WasmVerifier, running: &WasmVerifier) {
    for (completion, status) in ATTACKS {
        let outcome = attacker.verify(&submission(completion));
        assert_eq!(outcome.status(), status, "{completion}: {:?}", outcome.result);
    }
    assert_eq!(table_bomb.verify(&submission("x")).status(), Status::OutOfMemory);
    let outcome =
        with_stack(|| running.verify(&submission(&PROGRAMS.map(|(program, _)| program).join("\n---\n"))));
    let Ok(Verdict { reason: Some(endings), .. }) = outcome.result else { panic!("{outcome:?}") };
    for (ending, (program, expected)) in endings.lines().zip(PROGRAMS) {
        assert!(ending.starts_with(expected), "{program}: {ending}");
    }
    let whole = component(PAGE, "(i32.const 2048)");
    assert!(host().load(&whole[..whole.len() / 2], "cut.wasm").is_err());
}

/// Bytes that this process holds in memory.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(resident.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
}
