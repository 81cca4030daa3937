//! What a task gives a program to start with: imports, definitions, and often the start of the function in question.

use ruff_python_ast::{ModModule, Stmt};
use ruff_python_parser::Parsed;

use crate::asserts::defines;

/// What a program goes on with where nothing in the text says how far it is indented.
const INDENT: &str = "    ";

/// The start of a program, read once.
#[derive(Debug)]
pub(crate) struct Prefix<'a> {
    /// As the task has it.
    text: &'a str,
    /// As Python by itself: with an empty body where it ends in an open block, and cut where it ends within anything
    /// else. Empty where the text only mentions code.
    prelude: String,
    tree: Option<Parsed<ModModule>>,
    /// How far the text is indented where a completion goes on; `None` where it is no program that could go on.
    goes_on: Option<String>,
}

impl<'a> Prefix<'a> {
    pub(crate) fn read(text: &'a str) -> Self {
        let end = text.trim_end();
        for indent in ["", INDENT].into_iter().map(str::to_owned).chain(indents(end)) {
            let body = if indent.is_empty() { String::new() } else { format!("\n{indent}pass\n") };
            let prelude = format!("{end}{body}{}", ends_of_tries(end));
            if let Ok(tree) = ruff_python_parser::parse_module(&prelude) {
                let goes_on = Some(if indent.is_empty() { INDENT.to_owned() } else { indent });
                return Self { text, prelude, tree: Some(tree), goes_on };
            }
        }
        let lines: Vec<&str> = end.split_inclusive('\n').collect();
        let heads = (1..lines.len()).rev().map(|count| lines[..count].concat());
        let head = heads.into_iter().find_map(|head| Some((defining_alone(&head)?, head)));
        let (tree, prelude) = head.map_or((None, String::new()), |(tree, head)| (Some(tree), head));
        Self { text, prelude, tree, goes_on: None }
    }

    /// The text as Python by itself.
    pub(crate) fn prelude(&self) -> &str {
        &self.prelude
    }

    /// Its statements, at the outermost level.
    pub(crate) fn statements(&self) -> &[Stmt] {
        self.tree.as_ref().map_or(&[], |tree| &tree.syntax().body)
    }

    /// The classes that it defines.
    pub(crate) fn classes(&self) -> impl Iterator<Item = &str> {
        self.statements().iter().filter_map(|statement| match statement {
            Stmt::ClassDef(class) => Some(class.name.as_str()),
            _ => None,
        })
    }

    /// The whole program.
    ///
    /// A completion that defines the function in question is a program, but for the imports and functions that the task
    /// gave it. One that does not goes on where the task's own text ends, in the body of the function.
    pub(crate) fn completed(&self, program: String, entry_point: &str) -> String {
        let Some(indent) = &self.goes_on else { return program }; // an instruction that only mentions the function
        let before = match before_definition(self.text, entry_point) {
            Some(_) if !defines(&program, entry_point) => {
                return format!("{}\n{}", self.text.trim_end(), body(&program, indent));
            }
            Some(before) => before,
            None => &self.prelude,
        };
        // Nothing may stand before an import from the future.
        if before.trim().is_empty() || program.contains("from __future__") {
            program
        } else {
            format!("{before}\n{program}")
        }
    }
}

/// How far what follows a text may be indented: as far as its last line, or further.
fn indents(text: &str) -> impl Iterator<Item = String> {
    let line = text.lines().next_back().unwrap_or_default();
    let indent = line[..line.len() - line.trim_start().len()].to_owned();
    let further = [INDENT, "\t", "  ", ""].map(|more| format!("{indent}{more}"));
    further.into_iter().filter(|indent| !indent.is_empty())
}

/// What ends the `try` statements that are open at the end of a text.
fn ends_of_tries(text: &str) -> String {
    let mut open: Vec<&str> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (indent, statement) = line.split_at(line.len() - line.trim_start().len());
        open.retain(|other| other.len() < indent.len());
        if statement.starts_with("try:") {
            open.push(indent);
        }
    }
    let ends = open.iter().rev().map(|indent| format!("\n{indent}finally:\n{indent} pass\n"));
    ends.collect()
}

/// A text that is Python and does nothing but import and define.
fn defining_alone(text: &str) -> Option<Parsed<ModModule>> {
    let parsed = ruff_python_parser::parse_module(text).ok()?;
    let is_definition = |statement: &Stmt| {
        matches!(
            statement,
            Stmt::Import(_)
                | Stmt::ImportFrom(_)
                | Stmt::FunctionDef(_)
                | Stmt::ClassDef(_)
                | Stmt::Assign(_)
        ) || matches!(statement, Stmt::Expr(text) if text.value.is_string_literal_expr())
    };
    parsed.syntax().body.iter().all(is_definition).then_some(parsed)
}

/// The lines before the function begins.
fn before_definition<'a>(prefix: &'a str, entry_point: &str) -> Option<&'a str> {
    let mut start = 0;
    for line in prefix.split_inclusive('\n') {
        if defines(line, entry_point) {
            return Some(&prefix[..start]);
        }
        start += line.len();
    }
    None
}

/// The body of a function, indented if it is not.
fn body(text: &str, indent: &str) -> String {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if first.starts_with([' ', '\t']) {
        return text.to_owned();
    }
    let indented =
        |line: &str| if line.trim().is_empty() { line.to_owned() } else { format!("{indent}{line}") };
    text.split_inclusive('\n').map(indented).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(prefix: &str, program: &str) -> String {
        Prefix::read(prefix).completed(program.to_owned(), "f")
    }

    #[test]
    fn the_start_of_a_program_is_made_whole() {
        let prelude = |text: &str| Prefix::read(text).prelude;
        assert_eq!(
            prelude("import math\n\ndef f(x):\n    \"\"\"Doc.\"\"\"\n"),
            "import math\n\ndef f(x):\n    \"\"\"Doc.\"\"\""
        );
        assert_eq!(prelude("def g(): return 1\ndef f(x):\n"), "def g(): return 1\ndef f(x):\n    pass\n");
        assert_eq!(prelude("def g():\n    return 1\n@cache\n"), "def g():\n    return 1\n");
        assert_eq!(prelude("def g():\n    return 1\ndef f(a,\n"), "def g():\n    return 1\n");
        assert_eq!(prelude("Write\na function f that doubles."), "");
    }

    #[test]
    fn a_body_goes_on_where_the_prompt_ends() {
        let prompt = "import math\n\ndef f(x):\n    \"\"\"Doubles.\"\"\"\n";
        assert_eq!(with(prompt, "    return 2 * x\n"), format!("{prompt}    return 2 * x\n"));
        assert_eq!(with(prompt, "if x:\n    return 2\n"), format!("{prompt}    if x:\n        return 2\n"));
    }

    #[test]
    fn a_prompt_may_end_in_an_open_block() {
        for (prompt, rest) in [
            ("def f(x):\n    for i in x:\n", "        i += 1\n    return x"),
            ("def f(x):\n    for i in x:  # each\n        if i:\n", "            return i"),
            ("def f(x):\n    try:\n", "        return int(x)\n    except ValueError:\n        return 0"),
            ("def f(x):\n    try:\n        y = 1\n", "        return y\n    finally: pass"),
            ("def f(x):\n\twhile x:\n", "\t\treturn 1"),
            ("class A:\n    pass\ndef f(x):\n    with x:\n        if x:\n", "            return 1"),
        ] {
            assert_eq!(with(prompt, rest), format!("{prompt}{rest}"));
            assert!(!Prefix::read(prompt).statements().is_empty(), "{prompt}");
        }
        assert_eq!(
            with("def f(x):\n    for i in x:\n", "return i"),
            "def f(x):\n    for i in x:\n        return i"
        );
    }

    #[test]
    fn a_whole_function_gets_only_what_stands_before_it() {
        let prompt = "import math\n\ndef f(x):\n    \"\"\"Doubles.\"\"\"\n";
        assert_eq!(with(prompt, "def f(x): return 2 * x"), "import math\n\n\ndef f(x): return 2 * x");
        assert_eq!(with("import math\n", "def f(x): return 2 * x"), "import math\ndef f(x): return 2 * x");
        assert_eq!(
            with(prompt, "from __future__ import annotations\ndef f(x): pass"),
            "from __future__ import annotations\ndef f(x): pass"
        );
    }

    #[test]
    fn an_instruction_is_no_start_of_a_program() {
        assert_eq!(with("Please write\ndef f(x):\n    ...", "def f(x): return 1"), "def f(x): return 1");
    }

    #[test]
    fn its_classes_are_the_tasks() {
        let prefix = Prefix::read("class A:\n    class B: pass\ndef f(x):\n");
        assert_eq!(prefix.classes().collect::<Vec<_>>(), ["A"]);
    }
}
