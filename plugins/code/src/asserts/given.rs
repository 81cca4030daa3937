//! Which names of a test are the task's although the test does not define them, and which are the program's.
//!
//! A program must not replace what a test compares with, so a name is the program's only where the task asked for it:
//!
//! 1. What the tests or the start of the program import or define is the task's; the start's imports are repeated for
//!    the tests.
//! 2. Modules that tests only look into, as in `math.isclose`, are the library's, also under the names that everybody
//!    gives them: a function of the program is called.
//! 3. What the harnesses of data sets import (`Counter`, `isclose`, `deque`, …) is the library's, unless the task asks
//!    for it: by its entry point, by words of the prompt such as `class Counter`, by an assertion about it alone as in
//!    `assert gcd(4, 6) == 2`, or since its tests use nothing else of the program.
//! 4. Any other name is the program's; where the task names its entry point and has a prompt, only if that mentions it.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, ModModule, Stmt};

use super::names::{bound_and_loaded, is_builtin};
use crate::harness;
use crate::prefix::Prefix;
use crate::task::AssertTests;

/// Modules that tests look into, as in `math.isclose`, where whoever wrote them had imported them. A function of the
/// program is called, so a name that is only looked into is none. Sorted.
const MODULES: [&str; 35] = [
    "base64",
    "bisect",
    "cmath",
    "collections",
    "copy",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "inspect",
    "io",
    "itertools",
    "json",
    "logging",
    "math",
    "numbers",
    "operator",
    "os",
    "random",
    "re",
    "statistics",
    "string",
    "struct",
    "sys",
    "textwrap",
    "time",
    "traceback",
    "types",
    "typing",
    "unicodedata",
    "unittest",
    "warnings",
];

/// Modules under the names that everybody gives them. Those that the sandbox lacks are the task's fault then, and no
/// chance for the program.
const SHORT_NAMES: [(&str, &str); 12] = [
    ("dt", "datetime"),
    ("it", "itertools"),
    ("np", "numpy"),
    ("numpy", "numpy"),
    ("nx", "networkx"),
    ("pandas", "pandas"),
    ("pd", "pandas"),
    ("plt", "matplotlib.pyplot"),
    ("scipy", "scipy"),
    ("sp", "scipy"),
    ("sympy", "sympy"),
    ("torch", "torch"),
];

/// What else tests compare with, by the module that it comes from.
const MORE_NAMES: [(&str, &str); 4] =
    [("datetime", "datetime"), ("datetime", "timezone"), ("decimal", "Decimal"), ("fractions", "Fraction")];

/// The tests, behind the imports that they count on.
pub(super) fn with_imports(tests: &AssertTests, tree: &ModModule, prefix: &Prefix<'_>) -> String {
    let (bound, loaded) = bound_and_loaded(tree);
    let wanted = |name: &str| loaded.contains(name) && !bound.contains(name);
    let mut imports = Vec::new();
    let mut given: BTreeSet<&str> = BTreeSet::new();
    for statement in prefix.statements() {
        let (names, range) = match statement {
            Stmt::Import(import) => (&import.names, import.range),
            Stmt::ImportFrom(import) if import.module.as_ref().is_none_or(|m| m.as_str() != "__future__") => {
                (&import.names, import.range)
            }
            Stmt::FunctionDef(function) => {
                given.insert(function.name.as_str());
                continue;
            }
            Stmt::ClassDef(class) => {
                given.insert(class.name.as_str());
                continue;
            }
            _ => continue,
        };
        let names: Vec<&str> = names.iter().map(known_as).collect();
        if names.iter().any(|name| wanted(name)) {
            imports.push(prefix.prelude()[range].to_owned());
            given.extend(names);
        }
    }
    let looked_into = only_looked_into(tree);
    let free: Vec<&str> = loaded.iter().map(String::as_str).filter(|name| wanted(name)).collect();
    let missing = || free.iter().copied().filter(|name| !given.contains(name) && !is_builtin(name));
    let module_of = |name: &str| {
        let here = MORE_NAMES.iter().find(|(_, known)| *known == name).map(|(module, _)| *module);
        here.or_else(|| harness::module_of(name))
    };
    // Tests of a function that is called like one of the library's, and of nothing else.
    let is_module = |name: &str| looked_into.contains(name) && module_named(name).is_some();
    let nothing_else = missing().all(|name| is_module(name) || module_of(name).is_some());
    for name in missing() {
        if is_module(name) {
            imports.extend(module_named(name));
        } else if let Some(module) = module_of(name)
            && !nothing_else
            && !is_asked_for(name, tests, tree)
        {
            imports.push(format!("from {module} import {name}"));
        }
    }
    if imports.is_empty() {
        tests.source.clone()
    } else {
        format!("{}\n{}", imports.join("\n"), tests.source)
    }
}

/// The import of a module that is looked into under this name.
fn module_named(name: &str) -> Option<String> {
    if MODULES.binary_search(&name).is_ok() {
        return Some(format!("import {name}"));
    }
    let (_, module) = SHORT_NAMES.iter().find(|(short, _)| *short == name)?;
    Some(format!("import {module} as {name}"))
}

/// Whether the task asks for something that the library has as well.
fn is_asked_for(name: &str, tests: &AssertTests, tree: &ModModule) -> bool {
    tests.entry_point.as_deref() == Some(name)
        || tree_of_asserts(tree).iter().any(|test| is_about(test, name))
        || is_named_by(&tests.prompt, name)
}

/// Whether words of a prompt ask for a function or class of this name.
fn is_named_by(prompt: &str, name: &str) -> bool {
    const BEFORE: [&str; 6] = ["def", "class", "function", "method", "named", "called"];
    const BEHIND: [&str; 3] = ["class", "function", "method"];
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let words: Vec<&str> = prompt.split(|c| !is_part(c)).filter(|word| !word.is_empty()).collect();
    let asks = |near: Option<&&str>, list: &[&str]| near.is_some_and(|word| list.contains(word));
    let places = words.iter().enumerate().filter(|(_, word)| **word == name);
    places
        .map(|(at, _)| at)
        .any(|at| at > 0 && asks(words.get(at - 1), &BEFORE) || asks(words.get(at + 1), &BEHIND))
}

/// Whether a name other than the function in question is the program's: with a prompt at hand, one that nobody
/// mentions is no name that a program was asked for.
pub(super) fn is_mentioned(name: &str, tests: &AssertTests) -> bool {
    let Some(entry_point) = &tests.entry_point else { return true };
    let texts = [entry_point.as_str(), &tests.prompt, tests.prefix.as_deref().unwrap_or_default()];
    if texts[1..].iter().all(|text| text.trim().is_empty()) {
        return true;
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    texts.iter().any(|text| text.split(|c| !is_part(c)).any(|word| word == name))
}

/// What each `assert` of the tests asserts.
fn tree_of_asserts(tree: &ModModule) -> Vec<&Expr> {
    #[derive(Default)]
    struct Asserts<'a>(Vec<&'a Expr>);
    impl<'a> Visitor<'a> for Asserts<'a> {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            if let Stmt::Assert(assert) = stmt {
                self.0.push(&assert.test);
            }
            visitor::walk_stmt(self, stmt);
        }
    }
    let mut asserts = Asserts::default();
    asserts.visit_body(&tree.body);
    asserts.0
}

/// Whether an expression names this and nothing else but builtins.
fn is_about(test: &Expr, wanted: &str) -> bool {
    struct Names<'w>(&'w str, bool, bool);
    impl<'a> Visitor<'a> for Names<'_> {
        fn visit_expr(&mut self, expr: &'a Expr) {
            if let Expr::Name(name) = expr {
                self.1 |= name.id.as_str() == self.0;
                self.2 |= name.id.as_str() != self.0 && !is_builtin(name.id.as_str());
            }
            visitor::walk_expr(self, expr);
        }
    }
    let mut names = Names(wanted, false, false);
    names.visit_expr(test);
    let Names(_, is_named, with_others) = names;
    is_named && !with_others
}

/// The name that an import binds.
fn known_as(alias: &ruff_python_ast::Alias) -> &str {
    let module = alias.name.as_str();
    alias.asname.as_ref().map_or(module.split('.').next().unwrap_or(module), |name| name.as_str())
}

/// The names of which tests use nothing but attributes.
fn only_looked_into(tree: &ModModule) -> BTreeSet<&str> {
    #[derive(Default)]
    struct Uses<'a> {
        looked_into: BTreeSet<&'a str>,
        otherwise: BTreeSet<&'a str>,
    }
    impl<'a> Visitor<'a> for Uses<'a> {
        fn visit_expr(&mut self, expr: &'a Expr) {
            match expr {
                Expr::Attribute(attribute) if attribute.value.is_name_expr() => {
                    if let Expr::Name(name) = &*attribute.value {
                        self.looked_into.insert(name.id.as_str());
                    }
                }
                Expr::Name(name) => _ = self.otherwise.insert(name.id.as_str()),
                _ => visitor::walk_expr(self, expr),
            }
        }
    }
    let mut uses = Uses::default();
    uses.visit_body(&tree.body);
    uses.looked_into.difference(&uses.otherwise).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(source: &str, prefix: &str) -> String {
        imports_of(&AssertTests { source: source.to_owned(), ..AssertTests::default() }, prefix)
    }

    fn imports_of(tests: &AssertTests, prefix: &str) -> String {
        let tree = ruff_python_parser::parse_module(&tests.source).unwrap();
        let with = with_imports(tests, tree.syntax(), &Prefix::read(prefix));
        with.strip_suffix(&tests.source).unwrap().trim_end().to_owned()
    }

    #[test]
    fn tests_get_the_imports_that_they_count_on() {
        assert_eq!(imports("assert math.isclose(f(3), 1.5)", ""), "import math");
        assert_eq!(imports("assert np.allclose(f(3), 1.5)", ""), "import numpy as np");
        assert_eq!(imports("assert f(3) == dt.date(2020, 1, 1)", ""), "import datetime as dt");
        let prefix = "from collections import Counter\nimport json as j, os\ndef f(x):\n";
        assert_eq!(
            imports("assert Counter(f(1)) == j.loads('{}')", prefix),
            "from collections import Counter\nimport json as j, os"
        );
        // A function that is called may have any name, and what tests import or define themselves they have.
        assert_eq!(imports("assert copy(1) == 1 and string.upper() == 'A'\nstring = 'a'", ""), "");
        assert_eq!(imports("import math\nassert math.isclose(f(3), 1.5)", "import math\ndef f(x):\n"), "");
        assert_eq!(imports("assert f(math) == math.pi", ""), "");
    }

    #[test]
    fn what_harnesses_import_is_the_librarys_unless_the_task_asks_for_it() {
        for (source, imported) in [
            ("assert Counter(f(3)) == Counter([1, 2])", "from collections import Counter"),
            ("want = Counter([1, 2])\nassert Counter(f(3)) == want", "from collections import Counter"),
            ("got = f(3)\nassert Counter(got) == Counter([1, 2])", "from collections import Counter"),
            ("assert f(3) == deque([1, 2])", "from collections import deque"),
            ("assert isclose(f(3), 1.5)", "from math import isclose"),
            ("assert f(1) == Fraction(1, 2)", "from fractions import Fraction"),
            ("assert f(3) == datetime(2020, 1, 1)", "from datetime import datetime"),
            ("assert gcd(4, 6) == 2", ""),
            ("assert gcd(4, 6) == 2\nassert lcm(4, 6) == 12", ""),
            ("assert add(1, 2) == 3\nassert mult(2, 3) == 6", ""),
            ("c = Counter()\nc.add(1)\nassert c.total() == 1", ""),
            ("assert sorted(merge([1], [2])) == [1, 2]\nassert f(1) == 1", ""),
        ] {
            assert_eq!(imports(source, ""), imported, "{source}");
        }
        assert_eq!(imports("assert deque(f(1)) == deque()", "class deque: pass\ndef f(x):\n"), "");
        let source = "c = Counter()\nassert f(c) == 1".to_owned();
        for (prompt, imported) in [
            ("Return how often each occurs, as a Counter.", "from collections import Counter"),
            ("Write a class `Counter` and a function f.", ""),
            ("Write f, and a Counter class for it.", ""),
            ("class Counter:", ""),
        ] {
            let tests =
                AssertTests { source: source.clone(), prompt: prompt.to_owned(), ..AssertTests::default() };
            assert_eq!(imports_of(&tests, ""), imported, "{prompt}");
        }
    }

    #[test]
    fn with_a_prompt_a_name_that_nobody_mentions_is_not_the_programs() {
        let tests = |entry_point: Option<&str>, prompt: &str| AssertTests {
            entry_point: entry_point.map(str::to_owned),
            prompt: prompt.to_owned(),
            ..AssertTests::default()
        };
        assert!(is_mentioned("same", &tests(None, "Write f.")));
        assert!(is_mentioned("same", &tests(Some("f"), "")));
        assert!(is_mentioned("same", &tests(Some("f"), "Write f and `same`.")));
        assert!(is_mentioned("Solution", &tests(Some("Solution().f"), "Write f.")));
        assert!(!is_mentioned("same", &tests(Some("f"), "Write f.")));
    }

    #[test]
    fn the_list_is_sorted() {
        assert!(MODULES.is_sorted());
    }
}
