//! The programs of `src/python` and `src/javascript`, put together for one run.
//!
//! The Python interpreter has compiled the files of `src/python` already, so a text that starts with them costs little;
//! see `plugins/interpreters/python/gavel_interpreter/openings.py`.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::value::literal_string;

const ENCODE: &str = include_str!("python/encode.py");
const RARE: &str = include_str!("python/rare.py");
/// Where objects of the program may come up.
const HANDLES: &str = include_str!("python/handles.py");
const EXECUTE: &str = include_str!("python/execute.py");
const METHODS: &str = include_str!("python/methods.py");
const OBJECTS: &str = include_str!("python/objects.py");
const CHECK: &str = include_str!("python/check.py");
const FRAMEWORKS: &str = include_str!("python/frameworks.py");
const GUARDED: &str = include_str!("python/guarded.py");
const JAVASCRIPT: &str = include_str!("javascript/execute.js");

/// Library values in literals name these.
const LIBRARY: &str = "import collections, decimal, fractions\n";

/// Runs `program` and makes calls; `calls` is a Python list of `(name, args, named args)`.
pub(crate) fn execute(program: &str, nonce: &str, calls: &str) -> String {
    executing("", program, nonce, calls)
}

/// Runs `program` and makes calls that it reads on its standard input: a JSON list of `[name, args]`.
pub(crate) fn execute_from_stdin(program: &str, nonce: &str) -> String {
    executing(METHODS, program, nonce, "json.loads(sys.stdin.buffer.read())")
}

/// Runs `program` and makes the calls of a test that was split; see `objects.py`.
pub(crate) fn execute_split(program: &str, nonce: &str, calls: &[Json]) -> String {
    executing(OBJECTS, program, nonce, &format!("[told(call) for call in {}]", loaded(calls)))
}

/// An expression for what these are as JSON. Python reads it much faster than source text.
fn loaded(items: &[Json]) -> String {
    let json = serde_json::to_string(items).unwrap_or_default(); // JSON is always JSON
    format!("json.loads({})", literal_string(&json))
}

fn executing(extra: &str, program: &str, nonce: &str, calls: &str) -> String {
    let library = if needs_library(calls) { LIBRARY } else { "" };
    let program = literal_string(program);
    format!("{ENCODE}{RARE}{HANDLES}{EXECUTE}{extra}{library}execute({program}, '{nonce}', {calls})\n")
}

fn needs_library(calls: &str) -> bool {
    ["collections.", "decimal.", "fractions."].iter().any(|module| calls.contains(module))
}

/// The tests of a round, and what is known so far.
#[derive(Debug)]
pub(crate) struct Round<'a> {
    pub(crate) tests: &'a str,
    /// What the task gave the program to start with, if that is Python by itself.
    pub(crate) prelude: &'a str,
    /// Names of the program that the tests use, and what the tests call them.
    pub(crate) externals: &'a [(String, String)],
    /// Calls, and their answers as `check.py` takes them.
    pub(crate) known: &'a [(String, Json)],
    pub(crate) guarded: bool,
}

/// Runs the tests with what is known.
pub(crate) fn check(round: &Round<'_>, nonce: &str) -> String {
    let guarded = if round.guarded { "True" } else { "False" };
    let externals = externals(round.externals);
    let prelude = literal_string(round.prelude);
    let frameworks = if needs_frameworks(round.tests) { FRAMEWORKS } else { "" };
    let mut source = format!(
        "{ENCODE}{RARE}{CHECK}{frameworks}{LIBRARY}OBJECT = GLOBAL = Remote\nEXTERNALS = {externals}\n"
    );
    _ = write!(source, "GUARDED = {guarded}\nPRELUDE = {prelude}\n");
    let known: Vec<Json> = round.known.iter().map(|(call, answer)| json!([call, answer])).collect();
    _ = writeln!(source, "learn({})", loaded(&known));
    _ = writeln!(source, "check({}, '{nonce}')", literal_string(round.tests));
    source
}

fn needs_frameworks(tests: &str) -> bool {
    ["pytest", "unittest", "def test", "except", "numpy"].iter().any(|word| tests.contains(word))
}

/// Runs the tests beside the program; see `guarded.py`.
pub(crate) fn guard(program: &str, tests: &str, names: &[(String, String)], nonce: &str) -> String {
    let (program, tests) = (literal_string(program), literal_string(tests));
    let externals = externals(names);
    format!(
        "{ENCODE}{CHECK}{FRAMEWORKS}{GUARDED}EXTERNALS = {externals}\nguard({tests}, {program}, '{nonce}')\n"
    )
}

/// A Python dict of what the tests call each name of the program.
fn externals(names: &[(String, String)]) -> String {
    let mut dict = "{".to_owned();
    for (alias, name) in names {
        _ = write!(dict, "{}: {}, ", literal_string(alias), literal_string(name));
    }
    dict.push('}');
    dict
}

/// Runs a JavaScript `program` and makes calls of one of its functions; `calls` is a JSON list of argument lists.
pub(crate) fn execute_javascript(program: &str, nonce: &str, name: &str, calls: &str) -> String {
    format!("{program}\n;{JAVASCRIPT}\n__gavelExecute(\"{nonce}\", () => {name}, {calls});\n")
}
