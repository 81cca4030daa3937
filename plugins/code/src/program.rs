//! Puts together what the task gave a program to start with and what the completion adds.

use crate::asserts::{defines, is_python};
use crate::task::AssertTests;

/// The whole program.
///
/// A completion that defines the function in question is a program, but for the imports and functions that the task
/// gave it. One that does not goes on where the task's own text ends, in the body of the function.
pub(crate) fn completed(program: String, tests: &AssertTests) -> String {
    let (Some(prefix), Some(entry_point)) = (&tests.prefix, &tests.entry_point) else { return program };
    if !is_python(&format!("{prefix}\n    pass\n")) {
        return program; // an instruction that only mentions the function
    }
    if !defines(&program, entry_point) {
        return format!("{}\n{}", prefix.trim_end(), body(&program));
    }
    let before = before_definition(prefix, entry_point);
    // Nothing may stand before an import from the future.
    if before.trim().is_empty() || program.contains("from __future__") {
        program
    } else {
        format!("{before}\n{program}")
    }
}

/// The lines before the function begins.
fn before_definition<'a>(prefix: &'a str, entry_point: &str) -> &'a str {
    let start = prefix
        .split_inclusive('\n')
        .scan(0, |offset, line| {
            let start = *offset;
            *offset += line.len();
            Some((start, line))
        })
        .find(|(_, line)| defines(line, entry_point));
    start.map_or("", |(start, _)| &prefix[..start])
}

/// The body of a function, indented if it is not.
fn body(text: &str) -> String {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if first.starts_with([' ', '\t']) {
        return text.to_owned();
    }
    let indented = |line: &str| if line.trim().is_empty() { line.to_owned() } else { format!("    {line}") };
    text.split_inclusive('\n').map(indented).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(prefix: &str, program: &str) -> String {
        let tests = AssertTests {
            entry_point: Some("f".to_owned()),
            prefix: Some(prefix.to_owned()),
            ..AssertTests::default()
        };
        completed(program.to_owned(), &tests)
    }

    #[test]
    fn a_body_goes_on_where_the_prompt_ends() {
        let prompt = "import math\n\ndef f(x):\n    \"\"\"Doubles.\"\"\"\n";
        assert_eq!(with(prompt, "    return 2 * x\n"), format!("{prompt}    return 2 * x\n"));
        assert_eq!(with(prompt, "if x:\n    return 2\n"), format!("{prompt}    if x:\n        return 2\n"));
    }

    #[test]
    fn a_whole_function_gets_only_what_stands_before_it() {
        let prompt = "import math\n\ndef f(x):\n    \"\"\"Doubles.\"\"\"\n";
        assert_eq!(with(prompt, "def f(x): return 2 * x"), "import math\n\n\ndef f(x): return 2 * x");
        assert_eq!(
            with(prompt, "from __future__ import annotations\ndef f(x): pass"),
            "from __future__ import annotations\ndef f(x): pass"
        );
    }

    #[test]
    fn an_instruction_is_no_start_of_a_program() {
        assert_eq!(with("Please write\ndef f(x):\n    ...", "def f(x): return 1"), "def f(x): return 1");
    }
}
