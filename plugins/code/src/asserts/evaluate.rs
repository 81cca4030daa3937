//! Runs the common shapes of tests without Python: assertions over literals, builtins and calls of the program.
//!
//! The same statements run twice. First the calls are noted, with results unknown; then, with the answers of the
//! program at hand, every assertion is decided. What is not understood here is left to Python, in either run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::names::Names;
use crate::answers::Answer;
use crate::knowledge::{Question, makes_object};
use crate::value::Value;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, ModModule, Stmt, StmtFunctionDef};

mod arithmetic;
mod builtins;
mod expression;

pub(super) use expression::literal;

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Miss {
    /// Python has to look at it.
    NotHere,
    /// It raises; the text says what.
    Raises(String),
}

/// A value, or `None` where it depends on an answer that is not there yet.
pub(super) type Evaluated = Result<Option<Value>, Miss>;

/// What a statement that asserts came to, with its text: it holds if it did each time.
pub(crate) type Assertion = Result<(), String>;

/// The calls that the tests make, where they are all of a shape that is understood here.
pub(crate) fn calls(
    tests: &ModModule,
    source: &str,
    names: &Names,
    makers: &BTreeSet<String>,
) -> Option<Vec<Question>> {
    // Rust's strings cannot hold what Python's can.
    if source.contains("\\ud") || source.contains("\\uD") {
        return None;
    }
    let mut run = Run::new(source, names, makers, None);
    run.module(tests).ok()?;
    (!run.calls.is_empty()).then_some(run.calls)
}

/// Decides every assertion with the program's answers to `calls`; `None` where only Python can.
pub(crate) fn decide(
    tests: &ModModule,
    source: &str,
    names: &Names,
    makers: &BTreeSet<String>,
    calls: &[Question],
    answers: Vec<Answer>,
) -> Option<Vec<Assertion>> {
    let mut known = BTreeMap::<String, VecDeque<Answer>>::new();
    for (call, answer) in calls.iter().zip(answers) {
        known.entry(call.text()).or_default().push_back(answer);
    }
    let mut run = Run::new(source, names, makers, Some(known));
    run.module(tests).ok()?;
    Some(run.assertions.into_values().collect())
}

/// What a name of the tests stands for.
#[derive(Debug, Clone)]
pub(super) enum Bound<'a> {
    Value(Value),
    /// A function of the program, by the name that the program gives it.
    Program(String),
    Function(&'a StmtFunctionDef),
    Module(&'static str),
    /// Something that is not understood, which is no matter unless it is used.
    Other,
}

/// One run through the tests.
pub(super) struct Run<'a> {
    source: &'a str,
    /// Names of the program that make objects, besides its classes.
    makers: &'a BTreeSet<String>,
    scope: Vec<(String, Bound<'a>)>,
    calls: Vec<Question>,
    /// The answers by call; `None` while the calls are still being noted.
    known: Option<BTreeMap<String, VecDeque<Answer>>>,
    /// By where the statement begins.
    assertions: BTreeMap<usize, Assertion>,
    depth: usize,
}

/// Functions within functions that are still followed.
const DEEPEST_CALL: usize = 8;

impl<'a> Run<'a> {
    fn new(
        source: &'a str,
        names: &Names,
        makers: &'a BTreeSet<String>,
        known: Option<BTreeMap<String, VecDeque<Answer>>>,
    ) -> Self {
        let scope = names
            .externals
            .iter()
            .map(|(alias, name)| (alias.clone(), Bound::Program(name.clone())))
            .collect();
        Self { source, makers, scope, calls: Vec::new(), known, assertions: BTreeMap::new(), depth: 0 }
    }

    fn module(&mut self, tests: &'a ModModule) -> Result<(), Miss> {
        self.body(&tests.body)
    }

    fn body(&mut self, body: &'a [Stmt]) -> Result<(), Miss> {
        body.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &'a Stmt) -> Result<(), Miss> {
        match statement {
            Stmt::Assert(assert) => {
                let text = &self.source[assert.range];
                self.assertion(&assert.test, assert.range.start().to_usize(), text)
            }
            Stmt::Expr(statement) => self.expression_statement(&statement.value),
            Stmt::Assign(assign) => match assign.targets.as_slice() {
                [Expr::Name(target)] => {
                    let bound = match self.expression(&assign.value) {
                        Ok(Some(value)) => Bound::Value(value),
                        Ok(None) | Err(Miss::Raises(_)) => return Err(Miss::NotHere),
                        // Nothing of the program was asked, or else it must run in its place.
                        Err(Miss::NotHere) if !self.mentions_program(&assign.value) => Bound::Other,
                        Err(Miss::NotHere) => return Err(Miss::NotHere),
                    };
                    self.bind(target.id.as_str(), bound);
                    Ok(())
                }
                _ => Err(Miss::NotHere),
            },
            Stmt::FunctionDef(function) if function.decorator_list.is_empty() && !function.is_async => {
                self.bind(function.name.as_str(), Bound::Function(function));
                Ok(())
            }
            Stmt::Import(import) => {
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name);
                    let bound =
                        if alias.name.as_str() == "math" { Bound::Module("math") } else { Bound::Other };
                    self.bind(name.as_str(), bound);
                }
                Ok(())
            }
            Stmt::ImportFrom(import) => {
                let module = import.module.as_ref().map(|module| module.as_str());
                if import.names.iter().any(|alias| alias.name.as_str() == "*") {
                    return Err(Miss::NotHere); // Python knows what that defines
                }
                if module != Some("solution") {
                    for alias in &import.names {
                        self.bind(alias.asname.as_ref().unwrap_or(&alias.name).as_str(), Bound::Other);
                    }
                }
                Ok(())
            }
            Stmt::Pass(_) => Ok(()),
            _ => Err(Miss::NotHere),
        }
    }

    /// A docstring, or `check(f)`.
    fn expression_statement(&mut self, expression: &'a Expr) -> Result<(), Miss> {
        match expression {
            Expr::StringLiteral(_) | Expr::Name(_) | Expr::EllipsisLiteral(_) => Ok(()),
            Expr::Call(call) if call.arguments.keywords.is_empty() => {
                let Expr::Name(name) = &*call.func else { return Err(Miss::NotHere) };
                let Some(Bound::Function(function)) = self.lookup(name.id.as_str()).cloned() else {
                    return Err(Miss::NotHere);
                };
                self.enter(function, &call.arguments.args)
            }
            _ => Err(Miss::NotHere),
        }
    }

    /// Runs a function of the tests for what it asserts.
    fn enter(&mut self, function: &'a StmtFunctionDef, args: &'a [Expr]) -> Result<(), Miss> {
        let parameters = &function.parameters;
        let plain = parameters.vararg.is_none()
            && parameters.kwarg.is_none()
            && parameters.kwonlyargs.is_empty()
            && parameters.posonlyargs.is_empty()
            && parameters.args.len() == args.len();
        if !plain || self.depth == DEEPEST_CALL {
            return Err(Miss::NotHere);
        }
        let mut bound = Vec::new();
        for (parameter, arg) in parameters.args.iter().zip(args) {
            let value = match arg {
                Expr::Name(name) if matches!(self.lookup(name.id.as_str()), Some(Bound::Program(_))) => {
                    self.lookup(name.id.as_str()).cloned().unwrap_or(Bound::Other)
                }
                _ => Bound::Value(self.expression(arg)?.ok_or(Miss::NotHere)?),
            };
            bound.push((parameter.parameter.name.to_string(), value));
        }
        let outer = self.scope.len();
        self.scope.extend(bound);
        self.depth += 1;
        let result = self.body(&function.body);
        self.depth -= 1;
        self.scope.truncate(outer);
        result
    }

    /// Decides an assertion, or only notes its calls.
    fn assertion(&mut self, test: &'a Expr, start: usize, text: &str) -> Result<(), Miss> {
        let recording = self.known.is_none();
        if self.compares_what_it_makes(test) {
            return Err(Miss::NotHere);
        }
        let result = match self.expression(test) {
            Ok(None) if recording => return Ok(()),
            Ok(None) | Err(Miss::NotHere) => return Err(Miss::NotHere),
            Ok(Some(value)) => match value.truth().ok_or(Miss::NotHere)? {
                true => Ok(()),
                false => Err(shown(text)),
            },
            Err(Miss::Raises(how)) => Err(format!("{} {how}", shown(text))),
        };
        // An assertion without a name, such as `assert True`, would be passed by any program.
        if result.is_err() || names_something(test) {
            let statement = self.assertions.entry(start).or_insert(Ok(()));
            if statement.is_ok() {
                *statement = result;
            }
        }
        Ok(())
    }

    fn bind(&mut self, name: &str, bound: Bound<'a>) {
        self.scope.push((name.to_owned(), bound));
    }

    fn lookup(&self, name: &str) -> Option<&Bound<'a>> {
        self.scope.iter().rev().find(|(bound, _)| bound == name).map(|(_, bound)| bound)
    }

    /// Whether an expression may call the program.
    fn mentions_program(&self, expression: &Expr) -> bool {
        any_name(expression, &|name| {
            matches!(self.lookup(name), Some(Bound::Program(_) | Bound::Function(_)))
        })
    }

    /// Whether an assertion calls a class of the program, and something else of it: see `made.py`.
    fn compares_what_it_makes(&self, test: &Expr) -> bool {
        struct Search<'s, 'a> {
            run: &'s Run<'a>,
            calls: usize,
            makes: bool,
        }
        impl<'e> Visitor<'e> for Search<'_, '_> {
            fn visit_expr(&mut self, expr: &'e Expr) {
                if let Expr::Call(call) = expr
                    && let Expr::Name(name) = &*call.func
                    && let Some(Bound::Program(name)) = self.run.lookup(name.id.as_str())
                {
                    self.calls += 1;
                    self.makes |= !call.arguments.is_empty() && makes_object(name, self.run.makers);
                }
                visitor::walk_expr(self, expr);
            }
        }
        let mut search = Search { run: self, calls: 0, makes: false };
        search.visit_expr(test);
        search.makes && search.calls > 1
    }

    /// The answer to a call.
    fn ask(&mut self, call: Question) -> Evaluated {
        let Some(known) = &mut self.known else {
            self.calls.push(call);
            return Ok(None);
        };
        match known.get_mut(&call.text()).and_then(VecDeque::pop_front) {
            Some(Answer::Returned(claim)) => Ok(Some(claim.value)),
            Some(answer) => Err(Miss::Raises(answer.failure().unwrap_or_default())),
            None => Err(Miss::NotHere),
        }
    }
}

/// An assertion for people.
fn shown(text: &str) -> String {
    gavel_plugin::excerpt(text)
}

fn names_something(expression: &Expr) -> bool {
    any_name(expression, &|_| true)
}

/// Whether some name in the expression is such a one.
fn any_name(expression: &Expr, wanted: &dyn Fn(&str) -> bool) -> bool {
    struct Search<'w> {
        wanted: &'w dyn Fn(&str) -> bool,
        found: bool,
    }
    impl<'e> Visitor<'e> for Search<'_> {
        fn visit_expr(&mut self, expr: &'e Expr) {
            if let Expr::Name(name) = expr {
                self.found |= (self.wanted)(name.id.as_str());
            }
            visitor::walk_expr(self, expr);
        }
    }
    let mut search = Search { wanted, found: false };
    search.visit_expr(expression);
    search.found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The calls of tests of the function `f`, as Python tuples; `None` where Python has to look at them.
    fn recorded(tests: &str) -> Option<Vec<String>> {
        let tree = ruff_python_parser::parse_module(tests).unwrap();
        let names = Names::of(tree.syntax(), None, |_| false);
        calls(tree.syntax(), tests, &names, &BTreeSet::new())
            .map(|calls| calls.iter().map(Question::text).collect())
    }

    /// Whether each assertion holds when the calls are answered with these values.
    fn decided(tests: &str, answers: &[Value]) -> Option<Vec<bool>> {
        let tree = ruff_python_parser::parse_module(tests).unwrap();
        let names = Names::of(tree.syntax(), None, |_| false);
        let makers = BTreeSet::new();
        let calls = calls(tree.syntax(), tests, &names, &makers)?;
        let answers = answers.iter().map(|value| Answer::value(value.clone())).collect();
        let decided = decide(tree.syntax(), tests, &names, &makers, &calls, answers)?;
        Some(decided.iter().map(Result::is_ok).collect())
    }

    #[test]
    fn calls_are_found_in_order_with_their_arguments() {
        let tests = "x = 2 * 3\ndef check(c):\n    assert c(x, [1], k='a') == 1 and not c()\ncheck(f)\n";
        assert_eq!(
            recorded(tests).unwrap(),
            [r#"('call',"f",[0x6,[0x1,],],{'k':'a',})"#, r#"["call","f",[],{}]"#]
        );
    }

    #[test]
    fn what_python_has_to_look_at_is_left_to_it() {
        for tests in [
            "for i in range(3):\n    assert f(i)",
            "assert f(f(1)) == 2",
            "x = f(1)\nassert x == 2",
            "assert [y for y in f(1)] == []",
            "from math import *\nassert isclose(f(1), 1)",
            "x = [1]\nassert f(x) == 1\nassert f(x) == 2",
            "assert f('\\ud800') == 1",
            "assert True",
            "assert f(1) == P(2)",
        ] {
            assert_eq!(recorded(tests), None, "{tests}");
        }
    }

    #[test]
    fn assertions_are_decided_with_the_answers() {
        let float = Value::Float(0.1 + 0.2);
        assert_eq!(
            decided("assert f() == 0.3\nassert abs(f() - 0.3) < 1e-9", &[float.clone(), float]),
            Some(vec![false, true])
        );
        assert_eq!(decided("assert f()[0] == 1", &[Value::None]), Some(vec![false]));
        assert_eq!(decided("assert f() < 'a'", &[Value::int(1)]), Some(vec![false]));
        assert_eq!(decided("assert f() == 1", &[Value::Library("Fraction(1)".to_owned())]), None);
    }

    #[test]
    fn a_statement_holds_if_it_does_each_time() {
        let tests = "def check(x):\n    assert f(x) == x\ncheck(1)\ncheck(2)\ncheck(3)\n";
        let answers = [Value::int(1), Value::int(1), Value::int(3)];
        assert_eq!(decided(tests, &answers), Some(vec![false]));
    }

    #[test]
    fn answers_that_are_too_large_are_wrong() {
        let text = Value::Str("a".repeat(1_000_000));
        let tests =
            "assert list(f()) == [1]\nassert f()[0] == 'b'\nassert f()[-1] == 'a'\nassert set(f()) == {1}";
        let answers = vec![text; 4];
        assert_eq!(decided(tests, &answers), Some(vec![false, false, true, false]));
    }

    #[test]
    fn the_same_call_twice_has_two_answers() {
        assert_eq!(
            decided("assert f() == 1\nassert f() == 2", &[Value::int(1), Value::int(2)]),
            Some(vec![true, true])
        );
    }
}
