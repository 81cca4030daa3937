//! Tests in Python that call the program and assert.
//!
//! The program and the tests never share an interpreter. The calls that the tests make are found first, the program
//! alone is run to answer them, and then the tests are decided with the answers, which are plain data by then. Common
//! tests are read right here ([`evaluate`]); others run in an interpreter of their own ([`rounds`]).

mod comparing;
mod evaluate;
mod given;
mod guarded;
mod makers;
mod names;
mod operands;
mod rounds;

use std::collections::BTreeSet;

use gavel_plugin::Error;
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{ModModule, Stmt};

use crate::ahead;
use crate::answers::ask;
use crate::drivers::Driver;
use crate::options::Guarded;
use crate::prefix::Prefix;
use crate::report::Report;
use crate::run::Runner;
use crate::task::AssertTests;
use evaluate::Assertion;
use names::{Names, definitions};
pub(crate) use operands::{OperandSite, Operands};

/// The tests as they are read, and what they use.
struct Suite<'a> {
    source: &'a str,
    tree: &'a ModModule,
    names: Names,
    /// What the task gave the program to start with.
    prefix: &'a Prefix<'a>,
    /// The classes that it defines, and the program does not define anew.
    classes: Vec<String>,
    /// Names of the program that make objects.
    makers: BTreeSet<String>,
    /// The operators that they hand literals to.
    operands: Operands,
}

/// The names of the program that tests use, as it knows them; none where the tests are not Python.
pub(crate) fn called(tests: &str) -> Vec<String> {
    let Ok(parsed) = ruff_python_parser::parse_module(tests) else { return Vec::new() };
    let names = Names::of(parsed.syntax(), None, |_| false);
    names.externals.into_iter().map(|(_, name)| name).collect()
}

/// Judges a completion by its tests.
pub(crate) fn judge(
    completion: String,
    tests: &AssertTests,
    runner: &mut Runner<'_>,
) -> Result<Report, Error> {
    let not_python = |error| Error::InvalidTask(format!("the tests are not Python: {error}"));
    let prefix = Prefix::read(tests.prefix.as_deref().unwrap_or_default());
    let entry_point = tests.entry_point.as_deref();
    let program = match entry_point {
        Some(name) => prefix.completed(completion, name),
        None => completion,
    };
    let parsed = ruff_python_parser::parse_module(&tests.source).map_err(not_python)?;
    let source = given::with_imports(tests, parsed.syntax(), &prefix);
    let parsed = ruff_python_parser::parse_module(&source).map_err(not_python)?;
    let tree = parsed.syntax();
    let mut names = Names::of(tree, entry_point, |name| defines(&program, name));
    // What the task itself defines is the task's, whatever the program makes of it; but not the function in question.
    names.externals.retain(|(_, name)| {
        entry_point == Some(name.as_str())
            || !defines(prefix.prelude(), name) && given::is_mentioned(name, tests)
    });
    let is_external = |class: &str| names.externals.iter().any(|(_, name)| name == class);
    let is_kept = |class: &&str| {
        !is_external(class) && definitions(&program, class) <= definitions(prefix.prelude(), class)
    };
    let classes = prefix.classes().filter(is_kept).map(str::to_owned).collect();
    let makers = makers::makers(tree, &names, &[&tests.prompt, prefix.prelude()]);
    let operands = Operands::of(tree, &source, &names, &makers);
    let suite = Suite { source: &source, tree, names, prefix: &prefix, classes, makers, operands };
    let program = program.as_str();
    if let Some(why) = &suite.names.unsplittable {
        return unsplittable(program, &suite, why, runner);
    }
    match here(program, &suite, runner)? {
        Some(report) => Ok(report),
        None => rounds::judge(program, &suite, runner),
    }
}

/// Judges tests of the common shapes, with one run of the program.
fn here(program: &str, suite: &Suite<'_>, runner: &mut Runner<'_>) -> Result<Option<Report>, Error> {
    let Some(calls) = evaluate::calls(suite.tree, suite.source, &suite.names, &suite.makers) else {
        return Ok(None);
    };
    let answers = ask(program, Driver::Functions, &calls, runner)?;
    let limited = usize::from(answers.limited);
    if let Some(why) = answers.broken {
        let report = Report::nothing_passed(assertions_in(suite.tree), why);
        return Ok(Some(Report { limited, ..report }));
    }
    let decided = evaluate::decide(
        suite.tree,
        suite.source,
        &suite.names,
        &suite.makers,
        &calls,
        answers.answers.clone(),
    );
    let Some(report) = decided.map(counted) else { return Ok(None) };
    if report.earns(runner.options)
        && let Some(why) = ahead::caught(program, Driver::Functions, &calls, &answers.answers, runner)?
    {
        return Ok(Some(Report::nothing_passed(assertions_in(suite.tree), why)));
    }
    Ok(Some(Report { limited, ..report }))
}

fn counted(assertions: Vec<Assertion>) -> Report {
    let mut report = Report::default();
    assertions.into_iter().for_each(|assertion| report.count(assertion));
    report
}

/// Tests that would have to run beside the program.
fn unsplittable(
    program: &str,
    suite: &Suite<'_>,
    why: &str,
    runner: &mut Runner<'_>,
) -> Result<Report, Error> {
    match runner.options.guarded {
        Guarded::Refuse => Err(Error::Abstain(format!(
            "the tests {why}, so they cannot be kept apart from the program; the option guarded = \"allow\" would \
             judge them in one interpreter"
        ))),
        Guarded::Allow => guarded::judge(program, suite, runner),
    }
}

pub(crate) use names::defines;

/// How many assertions are written in the tests.
fn assertions_in(tree: &ModModule) -> usize {
    struct Count(usize);
    impl<'a> Visitor<'a> for Count {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            self.0 += usize::from(stmt.is_assert_stmt());
            visitor::walk_stmt(self, stmt);
        }
    }
    let mut count = Count(0);
    count.visit_body(&tree.body);
    count.0
}
