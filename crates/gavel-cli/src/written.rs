//! What a plugin wrote and where it broke, for its author: bounded, and the author's own functions first.

use gavel_verify::Failure;

use crate::terminal::shown;

/// Lines that are shown of what a plugin wrote about one submission.
const LINES: usize = 40;

/// Characters that are shown of one such line.
const LINE: usize = 400;

/// Functions of the author's that are shown of a backtrace.
const FRAMES: usize = 8;

/// What a plugin wrote, a line each, without line ends: the last lines where there are many, since what a language says
/// of an error comes last. Empty where it wrote nothing.
pub fn lines(output: &str) -> Vec<String> {
    let lines: Vec<&str> = output.lines().collect();
    let left_out = lines.len().saturating_sub(LINES);
    let note = (left_out > 0).then(|| format!("({left_out} lines before these are left out)"));
    let cut = |line: &&str| match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => (*line).to_owned(),
    };
    note.into_iter().chain(lines[left_out..].iter().map(cut)).collect()
}

/// The functions in which a plugin broke, innermost first: the author's, and how many others there are. Where all are of
/// a language's runtime, those.
pub fn frames(failure: &Failure) -> Vec<String> {
    let Failure::Trap { backtrace, .. } = failure else { return Vec::new() };
    let own: Vec<&String> = backtrace.iter().filter(|frame| !is_of_a_runtime(frame)).collect();
    let chosen = if own.is_empty() { backtrace.iter().collect() } else { own };
    // A function that calls itself is one line.
    let groups: Vec<&[&String]> = chosen.chunk_by(|one, next| one == next).take(FRAMES).collect();
    let named: usize = groups.iter().map(|group| group.len()).sum();
    let mut lines: Vec<String> = groups
        .iter()
        .map(|group| match group {
            [frame] => format!("at {}", shown(frame)),
            _ => format!("at {}, {} times", shown(group[0]), group.len()),
        })
        .collect();
    let others = backtrace.len() - named;
    if others > 0 && !lines.is_empty() {
        lines.push(format!("and {others} more, of the language's runtime or further out"));
    }
    lines
}

/// How the names of functions start that the languages of the SDKs, and the SDKs, bring along.
const RUNTIMES: [&str; 38] = [
    "std::",
    "core::",
    "alloc::",
    "<std::",
    "<core::",
    "<alloc::",
    "<&mut core::",
    "<&mut std::",
    "rust_",
    "__rust",
    "_rust",
    "abort",
    "__wasi",
    "__libc",
    "_start",
    "__wasm",
    "wit_bindgen",
    "cabi_",
    "gavel_plugin::",
    "<gavel_plugin::",
    "gavel:verifier/",
    "gavel_verifier_",
    "exports_gavel_",
    "gavel.plugin.",
    "gavel.dev/plugin",
    "runtime.",
    "main.main",
    "wasm_pc_f_loop",
    "wasm_export",
    "wasm_stack",
    "_Py",
    "Py",
    "root.panic",
    "builtin.",
    "debug.",
    "posix.",
    "callRuntime",
    "function ",
];

fn is_of_a_runtime(frame: &str) -> bool {
    RUNTIMES.iter().any(|start| frame.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_many_are_shown() {
        assert_eq!(lines(""), Vec::<String>::new());
        assert_eq!(lines("a\nb\n"), ["a", "b"]);
        let many: Vec<String> = (0..100).map(|line| line.to_string()).collect();
        let shown = lines(&many.join("\n"));
        assert_eq!((shown.len(), shown[0].as_str()), (LINES + 1, "(60 lines before these are left out)"));
        assert_eq!(shown.last().unwrap(), "99");
        assert_eq!(lines(&"é".repeat(1000))[0].chars().count(), LINE + 1);
    }

    #[test]
    fn the_authors_functions_come_first() {
        let trap = |names: &[&str]| Failure::Trap {
            message: "wasm `unreachable` instruction executed".to_owned(),
            backtrace: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let panic = trap(&[
            "__rust_abort",
            "std::panicking::panic_handler",
            "core::panicking::panic_bounds_check",
            "mine::third",
            "<mine::Mine as gavel_plugin::verifier::Verifier>::verify",
            "gavel:verifier/verifier@0.1.0#verify",
        ]);
        let verify = "at <mine::Mine as gavel_plugin::verifier::Verifier>::verify";
        let more = "and 4 more, of the language's runtime or further out";
        assert_eq!(frames(&panic), ["at mine::third", verify, more]);
        assert_eq!(frames(&trap(&["abort", "runtime.throw"])), ["at abort", "at runtime.throw"]);
        assert_eq!(frames(&trap(&["main.deep"; 64])), ["at main.deep, 64 times"]);
        assert_eq!(frames(&Failure::OutOfFuel { limit: 1 }), Vec::<String>::new());
    }
}
