//! Which names of a test are the program's: those that it uses and nothing else defines.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Alias, ExceptHandler, Expr, ExprContext, ModModule, Parameter, Pattern, Stmt};

/// What Python defines without an import. Sorted.
const BUILTINS: &str = "ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup \
    BlockingIOError BrokenPipeError BufferError BytesWarning ChildProcessError ConnectionAbortedError \
    ConnectionError ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError Ellipsis \
    EncodingWarning EnvironmentError Exception ExceptionGroup False FileExistsError FileNotFoundError \
    FloatingPointError FutureWarning GeneratorExit IOError ImportError ImportWarning IndentationError IndexError \
    InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError \
    NameError None NotADirectoryError NotImplemented NotImplementedError OSError OverflowError \
    PendingDeprecationWarning PermissionError ProcessLookupError RecursionError ReferenceError ResourceWarning \
    RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError SystemExit \
    TabError TimeoutError True TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError \
    UnicodeTranslateError UnicodeWarning UserWarning ValueError Warning ZeroDivisionError abs aiter all anext any \
    ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex copyright credits delattr \
    dict dir divmod enumerate eval exec exit filter float format frozenset getattr globals hasattr hash help hex id \
    input int isinstance issubclass iter len license list locals map max memoryview min next object oct open ord \
    pow print property quit range repr reversed round set setattr slice sorted staticmethod str sum super tuple \
    type vars zip";

/// Builtins that could make code of the plain data that a program claims.
const EVALUATORS: [&str; 4] = ["__import__", "compile", "eval", "exec"];

/// Modules that could.
const EVALUATING_MODULES: [&str; 9] =
    ["builtins", "code", "ctypes", "importlib", "marshal", "pickle", "runpy", "shelve", "subprocess"];

/// The names in a test.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Names of the program: what the test calls each, and what the program does.
    pub(crate) externals: Vec<(String, String)>,
    /// Why the test cannot be run apart from the program, if it is so.
    pub(crate) unsplittable: Option<String>,
    /// Whether it uses a builtin, which the task may have asked the program to define.
    pub(crate) builtins: bool,
}

impl Names {
    /// Reads them from the tests; `defined` says whether the program defines a name.
    pub(crate) fn of(tests: &ModModule, entry_point: Option<&str>, defined: impl Fn(&str) -> bool) -> Self {
        let mut found = Found::default();
        found.visit_body(&tests.body);
        let Found { loaded, bound, imported, module } = found;
        let free = |name: &&String| !bound.contains(*name) && !name.starts_with("__");
        let mut externals: Vec<String> = loaded
            .iter()
            .filter(free)
            .filter(|name| !is_builtin(name) || entry_point == Some(name.as_str()))
            .cloned()
            .collect();
        // A task may ask for a function named as a builtin, such as `sum`. But a program must not get to replace the
        // builtins that a test compares with, so this counts only where the test calls nothing else of it.
        if externals.is_empty() && imported.is_empty() {
            externals = loaded
                .iter()
                .filter(free)
                .filter(|name| is_builtin(name) && defined(name))
                .cloned()
                .collect();
        }
        let mut externals: Vec<(String, String)> =
            externals.into_iter().map(|name| (name.clone(), name)).collect();
        externals.extend(imported);
        let evaluator = EVALUATORS
            .into_iter()
            .find(|&name| loaded.contains(name) && !bound.contains(name) && entry_point != Some(name));
        let dangerous = evaluator.map(ToOwned::to_owned).or(module);
        let builtins = loaded.iter().any(|name| is_builtin(name));
        Self { externals, unsplittable: dangerous.map(|name| format!("use `{name}`")), builtins }
    }
}

/// Whether Python defines a name without an import.
pub(super) fn is_builtin(name: &str) -> bool {
    BUILTINS.split_ascii_whitespace().any(|builtin| builtin == name)
}

/// The names that tests bind, and those that they use.
pub(super) fn bound_and_loaded(tests: &ModModule) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut found = Found::default();
    found.visit_body(&tests.body);
    (found.bound, found.loaded)
}

/// Whether a line of the program, at its outermost level, defines the name. The program is hostile text, so it is not
/// parsed here; a wrong answer costs nothing but a failed test.
pub(crate) fn defines(program: &str, name: &str) -> bool {
    program.lines().any(|line| line_defines(line, name))
}

/// How many lines of the program do.
pub(super) fn definitions(program: &str, name: &str) -> usize {
    program.lines().filter(|line| line_defines(line, name)).count()
}

fn line_defines(line: &str, name: &str) -> bool {
    let starts_with_name = |rest: &str| {
        rest.trim_start()
            .strip_prefix(name)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    let definition = ["def ", "async def ", "class "].iter().find_map(|word| line.strip_prefix(word));
    match definition {
        Some(rest) => starts_with_name(rest),
        None => {
            starts_with_name(line)
                && line[name.len()..].trim_start().starts_with(['=', ':'])
                && !line[name.len()..].trim_start().starts_with("==")
        }
    }
}

#[derive(Default)]
struct Found {
    loaded: BTreeSet<String>,
    bound: BTreeSet<String>,
    imported: Vec<(String, String)>,
    /// A module that evaluates.
    module: Option<String>,
}

impl Found {
    fn bind(&mut self, name: &str) {
        self.bound.insert(name.to_owned());
    }

    fn suspect(&mut self, module: &str) {
        if EVALUATING_MODULES.contains(&module) {
            self.module.get_or_insert_with(|| module.to_owned());
        }
    }

    fn import(&mut self, alias: &Alias) {
        let module = alias.name.as_str();
        let first = module.split('.').next().unwrap_or(module);
        self.suspect(first);
        self.bind(alias.asname.as_ref().map_or(first, |name| name.as_str()));
    }
}

impl<'a> Visitor<'a> for Found {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(function) => self.bind(function.name.as_str()),
            Stmt::ClassDef(class) => self.bind(class.name.as_str()),
            Stmt::Import(import) => import.names.iter().for_each(|alias| self.import(alias)),
            Stmt::ImportFrom(import) if import.module.as_ref().is_some_and(|m| m.as_str() == "solution") => {
                for alias in import.names.iter().filter(|alias| alias.name.as_str() != "*") {
                    let known_as = alias.asname.as_ref().unwrap_or(&alias.name);
                    self.imported.push((known_as.to_string(), alias.name.to_string()));
                    self.bind(known_as.as_str());
                }
            }
            Stmt::ImportFrom(import) => {
                if let Some(module) = &import.module {
                    self.suspect(module.as_str().split('.').next().unwrap_or_default());
                }
                import.names.iter().for_each(|alias| self.import(alias));
            }
            _ => {}
        }
        visitor::walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Name(name) = expr {
            match name.ctx {
                ExprContext::Load => _ = self.loaded.insert(name.id.to_string()),
                _ => self.bind(name.id.as_str()),
            }
        }
        visitor::walk_expr(self, expr);
    }

    fn visit_parameter(&mut self, parameter: &'a Parameter) {
        self.bind(parameter.name.as_str());
        visitor::walk_parameter(self, parameter);
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(inner) = handler;
        if let Some(name) = &inner.name {
            self.bind(name.as_str());
        }
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let name = match pattern {
            Pattern::MatchAs(inner) => inner.name.as_ref(),
            Pattern::MatchStar(inner) => inner.name.as_ref(),
            Pattern::MatchMapping(inner) => inner.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = name {
            self.bind(name.as_str());
        }
        visitor::walk_pattern(self, pattern);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn externals(tests: &str, entry_point: Option<&str>, program: &str) -> Vec<String> {
        let tests = ruff_python_parser::parse_module(tests).unwrap();
        let names = Names::of(tests.syntax(), entry_point, |name| defines(program, name));
        names.externals.into_iter().map(|(alias, _)| alias).collect()
    }

    #[test]
    fn what_nothing_else_defines_is_the_programs() {
        let tests = "import math\nfrom re import match as m\nx = 1\ndef check(candidate):\n    for i in range(3):\n        \
                     assert candidate(i) == x and math.pi and m and helper([y for y in (1,)])\ncheck(f)\n";
        assert_eq!(externals(tests, None, ""), ["f", "helper"]);
    }

    #[test]
    fn a_builtin_is_the_programs_only_where_nothing_else_is() {
        let program = "def sum(a, b):\n    return a + b\n";
        assert_eq!(externals("assert sum(1, 2) == 3", None, program), ["sum"]);
        assert_eq!(externals("assert sum(1, 2) == 3", None, ""), [""; 0]);
        let cheat = "def set(x): return 1\ndef f(x): return x\n";
        assert_eq!(externals("assert set(f([1])) == set([2])", None, cheat), ["f"]);
        assert_eq!(externals("assert max(1) == 1", Some("max"), ""), ["max"]);
    }

    #[test]
    fn definitions_are_found_at_the_outermost_level() {
        let program = "def f (x): pass\nclass G: pass\nh = 1\nif k == 2:\n    def i(): pass\nj: int = 3\n";
        let defined: Vec<_> =
            ["f", "G", "h", "i", "j", "k", "x"].into_iter().filter(|name| defines(program, name)).collect();
        assert_eq!(defined, ["f", "G", "h", "j"]);
    }

    #[test]
    fn names_imported_from_the_solution_are_the_programs() {
        let tests = ruff_python_parser::parse_module("from solution import f as g\nassert g(1)").unwrap();
        let names = Names::of(tests.syntax(), None, |_| false);
        assert_eq!(names.externals, [("g".to_owned(), "f".to_owned())]);
    }

    #[test]
    fn evaluating_what_a_program_claims_is_unsplittable() {
        for (tests, unsplittable) in [
            ("assert eval(f(1)) == 2", true),
            ("import pickle\nassert pickle.loads(f()) == 1", true),
            ("import re\ncode = f(1)\nassert re.compile(code)", false),
        ] {
            let tests = ruff_python_parser::parse_module(tests).unwrap();
            assert_eq!(Names::of(tests.syntax(), None, |_| false).unsplittable.is_some(), unsplittable);
        }
    }
}
