//! The programs of `src/python` and `src/javascript`, put together for one run.
//!
//! The Python interpreter has compiled the files of `src/python` already, so a text that starts with them costs little;
//! see `plugins/interpreters/python/gavel_interpreter/openings.py`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::asserts::Operands;
use crate::knowledge::{Argument, BUILTIN_METHODS, Question};
use crate::value::literal_string;

const ENCODE: &str = include_str!("python/encode.py");
const RARE: &str = include_str!("python/rare.py");
/// Where objects of the program may come up.
const HANDLES: &str = include_str!("python/handles.py");
const EXECUTE: &str = include_str!("python/execute.py");
const METHODS: &str = include_str!("python/methods.py");
const OBJECTS: &str = include_str!("python/objects.py");
const STANDINS: &str = include_str!("python/standins.py");
const QUESTIONS: &str = include_str!("python/questions.py");
const COPIES: &str = include_str!("python/copies.py");
const MADE: &str = include_str!("python/made.py");
const CHECK: &str = include_str!("python/check.py");
const FRAMEWORKS: &str = include_str!("python/frameworks.py");
const HELD: &str = include_str!("python/held.py");
const GUARDED: &str = include_str!("python/guarded.py");
const JAVASCRIPT: &str = include_str!("javascript/execute.js");

/// Library values in literals name these.
const LIBRARY: &str = "import collections, datetime, decimal, fractions\n";

/// What a driver can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Driver {
    /// Calls of functions.
    Functions,
    /// Calls of functions, or of methods of the class `Solution`.
    Solution,
    /// Anything; see `objects.py`.
    Objects,
    /// Calls of one function in JavaScript; see [`execute_javascript`].
    Javascript,
}

/// Runs `program` and answers the questions on its standard input; see [`stdin`].
pub(crate) fn execute(program: &str, driver: Driver, nonce: &str, questions: &[String]) -> String {
    let extra = match driver {
        Driver::Functions | Driver::Javascript => "",
        Driver::Solution => METHODS,
        Driver::Objects => OBJECTS,
    };
    let library = if questions.iter().any(|question| needs_library(question)) { LIBRARY } else { "" };
    let program = literal_string(program);
    format!("{ENCODE}{RARE}{HANDLES}{EXECUTE}{extra}{library}execute({program}, '{nonce}')\n")
}

/// The questions as `execute.py` reads them, one when the last is answered: each after its length.
pub(crate) fn stdin(questions: &[String]) -> Vec<u8> {
    questions.iter().flat_map(|text| format!("{:08x}{text}", text.len()).into_bytes()).collect()
}

/// An expression for what these are as JSON. Python reads it much faster than source text.
fn loaded(items: &[Json]) -> String {
    let json = serde_json::to_string(items).unwrap_or_default(); // JSON is always JSON
    format!("json.loads({})", literal_string(&json))
}

fn needs_library(question: &str) -> bool {
    ["collections.", "datetime.", "decimal.", "fractions."].iter().any(|module| question.contains(module))
}

/// The tests of a round, and what is known so far.
#[derive(Debug)]
pub(crate) struct Round<'a> {
    pub(crate) tests: &'a str,
    /// What the task gave the program to start with, if that is Python by itself.
    pub(crate) prelude: &'a str,
    /// The classes that it defines, and the program does not define anew.
    pub(crate) classes: &'a [String],
    /// Names of the program that make objects, though they are not written as classes.
    pub(crate) makers: &'a BTreeSet<String>,
    /// The operators of the tests that hand literals to objects of the program.
    pub(crate) operands: &'a Operands,
    /// Names of the program that the tests use, and what the tests call them.
    pub(crate) externals: &'a [(String, String)],
    /// Pairs of a question and its answer, as `questions.py` takes them.
    pub(crate) known: Vec<Json>,
    pub(crate) guarded: bool,
}

/// Runs the tests with what is known.
pub(crate) fn check(round: &Round<'_>, nonce: &str) -> String {
    let guarded = if round.guarded { "True" } else { "False" };
    let externals = externals(round.externals);
    let prelude = literal_string(round.prelude);
    let frameworks = if needs_frameworks(round.tests) { FRAMEWORKS } else { "" };
    let held = if looks_into_objects(round.tests) { HELD } else { "" };
    let mut source = format!(
        "{ENCODE}{RARE}{STANDINS}{QUESTIONS}{COPIES}{MADE}{CHECK}{frameworks}{held}{LIBRARY}EXTERNALS = {externals}\n"
    );
    _ = writeln!(source, "BUILTIN_METHODS = {}.split()", literal_string(BUILTIN_METHODS));
    _ = writeln!(source, "GUARDED = {guarded}\nPRELUDE = {prelude}\nTASK = [{}]", literals(round.classes));
    _ = writeln!(source, "MAKERS = [{}]", literals(round.makers));
    let places: String = round.operands.places().map(|place| format!("'{place}', ")).collect();
    _ = writeln!(source, "OPERANDS = [{places}]");
    _ = writeln!(source, "learn({})", loaded(&round.known));
    _ = writeln!(source, "check({}, '{nonce}')", literal_string(round.tests));
    source
}

fn needs_frameworks(tests: &str) -> bool {
    ["pytest", "unittest", "def test", "except", "numpy", "asyncio"].iter().any(|word| tests.contains(word))
}

fn looks_into_objects(tests: &str) -> bool {
    ["vars(", "__dict__", "asdict", "astuple"].iter().any(|word| tests.contains(word))
}

/// Runs the tests beside the program, whose start is the task's `prelude`; see `guarded.py`.
pub(crate) fn guard(
    program: &str,
    prelude: &str,
    tests: &str,
    names: &[(String, String)],
    nonce: &str,
) -> String {
    let (program, tests, prelude) = (literal_string(program), literal_string(tests), literal_string(prelude));
    let externals = externals(names);
    // Nothing goes over to the program from the tests: it is there.
    format!(
        "{ENCODE}{STANDINS}{QUESTIONS}{CHECK}{FRAMEWORKS}{GUARDED}EXTERNALS = {externals}\nPRELUDE = {prelude}\n\
         OPERANDS = []\n\
         guard({tests}, {program}, '{nonce}')\n"
    )
}

/// Texts as Python writes them in a list.
fn literals<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    texts.into_iter().map(|text| literal_string(text) + ", ").collect()
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

/// Runs a JavaScript `program` and makes calls of one of its functions, or of a method of its class `Solution`.
pub(crate) fn execute_javascript(program: &str, nonce: &str, calls: &[Question]) -> String {
    let name = calls.first().and_then(Question::function).unwrap_or_default();
    let args = |call: &Question| call.arguments().filter_map(Argument::json).collect::<Vec<_>>().join(",");
    let calls: Vec<String> = calls.iter().map(|call| format!("[{}]", args(call))).collect();
    let calls = calls.join(",");
    // Names of the program are looked up where it stands, and only where its class has the method.
    let method = format!(
        "typeof Solution !== \"undefined\" && (typeof Solution === \"function\" && new Solution().{name} ? \
         new Solution() : Solution)"
    );
    let find = format!("typeof {name} !== \"undefined\" ? [{name}] : [undefined, {method}, \"{name}\"]");
    format!("{program}\n;{JAVASCRIPT}\n__gavelExecute(\"{nonce}\", () => {find}, [{calls}]);\n")
}
