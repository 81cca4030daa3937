//! Which names of the program make objects, as far as the task says: calling these, a test expects no plain data.
//!
//! Only with such an object may a test use what plain data has as well (`pop`, `append`, subscripts), for there it
//! cannot be that plain data was due and an object poses as it. So the program has no say in this. The task says it by
//!
//! * a name that begins with a capital letter, as those of classes do (see [`Question::makes_object`]);
//! * words of the prompt or the prefix: `class stack`;
//! * a test that takes the name for a class: `isinstance(x, stack)`;
//! * a test that uses of what the name returns, somewhere, what neither a builtin type has nor a date, a decimal number
//!   or a fraction: `s = stack()`, `s.push(2)`.
//!
//! [`Question::makes_object`]: crate::knowledge::Question::makes_object

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, ExprCall, ModModule, Stmt};

use super::names::Names;
use crate::knowledge::is_builtin_method;

/// The names that make objects, as the program knows them; `texts` are the prompt and the prefix.
pub(super) fn makers(tests: &ModModule, names: &Names, texts: &[&str]) -> BTreeSet<String> {
    let programs = names.externals.iter().map(|(alias, name)| (alias.as_str(), name.as_str())).collect();
    // First what helpers return and what attributes hold, which may stand behind their use.
    let mut places = Search { programs, ..Search::default() };
    places.visit_body(&tests.body);
    let Search { programs, helpers, fields, .. } = places;
    let mut search = Search { programs, helpers, fields, ..Search::default() };
    search.visit_body(&tests.body);
    let named = names.externals.iter().map(|(_, name)| name).filter(|name| is_called_a_class(name, texts));
    search.makers.into_iter().map(str::to_owned).chain(named.cloned()).collect()
}

/// Whether a text has the word `class` in front of the name.
fn is_called_a_class(name: &str, texts: &[&str]) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    texts.iter().any(|text| {
        let words: Vec<&str> = text.split(|c| !is_part(c)).filter(|word| !word.is_empty()).collect();
        words.windows(2).any(|pair| pair == ["class", name])
    })
}

/// What dates, times, decimal numbers and fractions have. They are plain data.
const OF_THE_LIBRARY: &str = "as_tuple astimezone combine copy_abs ctime date day days fold hour is_finite is_infinite \
    is_nan is_signed isocalendar isoformat isoweekday limit_denominator ln log10 microsecond microseconds minute month \
    normalize quantize second seconds sqrt strftime time timestamp timetuple timetz to_integral_value toordinal \
    total_seconds tzinfo utcoffset weekday year";

fn is_of_the_library(name: &str) -> bool {
    OF_THE_LIBRARY.split_ascii_whitespace().any(|it| it == name)
}

#[derive(Default)]
struct Search<'a> {
    /// What the tests call each name of the program, and what the program does.
    programs: BTreeMap<&'a str, &'a str>,
    /// Functions of the tests that return what a name of the program made. pytest hands these to a parameter of
    /// their name.
    helpers: BTreeMap<&'a str, Option<&'a str>>,
    /// The attributes of test cases that always hold what the same name of the program made.
    fields: BTreeMap<&'a str, Option<&'a str>>,
    /// What the variables hold here.
    scope: BTreeMap<&'a str, Option<&'a str>>,
    /// The function of the tests that is being read.
    within: Option<&'a str>,
    makers: BTreeSet<&'a str>,
}

impl<'a> Search<'a> {
    /// The name of the program that made a value.
    fn made_by(&self, value: &'a Expr) -> Option<&'a str> {
        match value {
            Expr::Call(call) => {
                let name = call.func.as_name_expr()?.id.as_str();
                self.programs.get(name).copied().or_else(|| *self.helpers.get(name)?)
            }
            Expr::Name(name) => *self.scope.get(name.id.as_str())?,
            Expr::Attribute(_) => *self.fields.get(field(value)?)?,
            _ => None,
        }
    }

    fn bind(&mut self, target: &'a Expr, made_by: Option<&'a str>) {
        match target {
            Expr::Name(name) => _ = self.scope.insert(name.id.as_str(), made_by),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|part| self.bind(part, None)),
            Expr::List(list) => list.elts.iter().for_each(|part| self.bind(part, None)),
            _ => {
                if let Some(field) = field(target) {
                    agree(&mut self.fields, field, made_by);
                }
            }
        }
    }

    /// `isinstance(x, name)` and what is written like it.
    fn classes_in(&mut self, call: &'a ExprCall) {
        let name = match &*call.func {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => return,
        };
        if !matches!(name, "isinstance" | "issubclass" | "assertIsInstance" | "assertNotIsInstance") {
            return;
        }
        let class = call.arguments.args.get(1).and_then(Expr::as_name_expr);
        let class = class.and_then(|class| self.programs.get(class.id.as_str()));
        self.makers.extend(class.copied());
    }
}

/// Notes who made what is there, as long as it is always the same.
fn agree<'a>(places: &mut BTreeMap<&'a str, Option<&'a str>>, place: &'a str, made_by: Option<&'a str>) {
    let known = places.entry(place).or_insert(made_by);
    if *known != made_by {
        *known = None;
    }
}

/// The attribute in `self.name` or `cls.name`.
fn field(expr: &Expr) -> Option<&str> {
    let attribute = expr.as_attribute_expr()?;
    let owner = attribute.value.as_name_expr()?;
    matches!(owner.id.as_str(), "self" | "cls").then_some(attribute.attr.as_str())
}

impl<'a> Visitor<'a> for Search<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Assign(assign) => {
                visitor::walk_stmt(self, stmt);
                let made_by = self.made_by(&assign.value);
                assign.targets.iter().for_each(|target| self.bind(target, made_by));
            }
            Stmt::AnnAssign(assign) => {
                visitor::walk_stmt(self, stmt);
                let made_by = assign.value.as_deref().and_then(|value| self.made_by(value));
                self.bind(&assign.target, made_by);
            }
            Stmt::For(inner) => {
                self.bind(&inner.target, None);
                visitor::walk_stmt(self, stmt);
            }
            Stmt::With(inner) => {
                let targets = inner.items.iter().filter_map(|item| item.optional_vars.as_deref());
                targets.for_each(|target| self.bind(target, None));
                visitor::walk_stmt(self, stmt);
            }
            Stmt::Return(inner) => {
                visitor::walk_stmt(self, stmt);
                if let Some(helper) = self.within {
                    let made_by = inner.value.as_deref().and_then(|value| self.made_by(value));
                    agree(&mut self.helpers, helper, made_by);
                }
            }
            Stmt::FunctionDef(function) => {
                let outer = self.scope.clone();
                let before = self.within.replace(function.name.as_str());
                for parameter in &function.parameters {
                    let name = parameter.name().as_str();
                    let made_by = self.helpers.get(name).copied().flatten();
                    self.scope.insert(name, made_by);
                }
                visitor::walk_stmt(self, stmt);
                self.within = before;
                self.scope = outer;
            }
            _ => visitor::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::ListComp(inner) => inner.generators.iter().for_each(|part| self.bind(&part.target, None)),
            Expr::SetComp(inner) => inner.generators.iter().for_each(|part| self.bind(&part.target, None)),
            Expr::DictComp(inner) => inner.generators.iter().for_each(|part| self.bind(&part.target, None)),
            Expr::Generator(inner) => inner.generators.iter().for_each(|part| self.bind(&part.target, None)),
            Expr::Lambda(inner) => {
                for parameter in inner.parameters.iter().flat_map(|parameters| parameters.iter()) {
                    self.scope.insert(parameter.name().as_str(), None);
                }
            }
            Expr::Named(inner) => {
                let made_by = self.made_by(&inner.value);
                self.bind(&inner.target, made_by);
            }
            Expr::Yield(inner) => {
                if let Some(helper) = self.within {
                    let made_by = inner.value.as_deref().and_then(|value| self.made_by(value));
                    agree(&mut self.helpers, helper, made_by);
                }
            }
            Expr::Attribute(attribute) => {
                let name = attribute.attr.as_str();
                let plain_data_has_it =
                    name.starts_with("__") || is_builtin_method(name) || is_of_the_library(name);
                if !plain_data_has_it && let Some(maker) = self.made_by(&attribute.value) {
                    self.makers.insert(maker);
                }
            }
            Expr::Call(call) => self.classes_in(call),
            _ => {}
        }
        visitor::walk_expr(self, expr);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tests: &str, prompt: &str) -> Vec<String> {
        let tree = ruff_python_parser::parse_module(tests).unwrap();
        let names = Names::of(tree.syntax(), None, |_| false);
        makers(tree.syntax(), &names, &[prompt]).into_iter().collect()
    }

    #[test]
    fn what_a_test_uses_of_a_result_says_that_it_is_an_object() {
        for tests in [
            "s = stack()\ns.push(2)\nassert s.pop() == 2",
            "assert stack().push(2) == 1",
            "from solution import stack as st\ns = st()\ns.push(2)",
            "class T(unittest.TestCase):\n    def test_a(self):\n        self.s.push(1)\n    def setUp(self):\n        \
             self.s = stack()",
            "def new():\n    s = stack()\n    s.append(1)\n    return s\ndef test_a():\n    s = new()\n    s.push(1)",
            "import pytest\n@pytest.fixture\ndef s():\n    return stack()\ndef test_a(s):\n    s.push(1)",
            "s = stack()\ns.top = 3",
            "assert isinstance(f(1), stack)",
        ] {
            assert_eq!(of(tests, ""), ["stack"], "{tests}");
        }
        assert_eq!(of("s = stack()\ns.append(2)", "Write a `class stack`."), ["stack"]);
    }

    #[test]
    fn plain_data_may_be_due_elsewhere() {
        for tests in [
            "s = stack()\ns.append(2)\nassert s.pop() == 2",
            "r = f(1)\nassert r.startswith('a')\nr = 2\nassert r.foo",
            "r = f(1)\nassert r.count('a')\nassert [r.foo for r in [1]]",
            "r = f(1)\nfor r in [1]:\n    assert r.foo",
            "def test_a(r):\n    assert r.foo\nr = f(1)",
            "self.r = f(1)\nself.r = 3\nassert self.r.foo",
            "assert f(1).__class__",
            "assert d(5).year == 2020\nassert d(5) - d(2) == timedelta(days=3)",
            "assert q('1.50').quantize(Decimal('0.1')) == Decimal('1.5')",
        ] {
            assert_eq!(of(tests, "Write f."), Vec::<String>::new(), "{tests}");
        }
    }
}
