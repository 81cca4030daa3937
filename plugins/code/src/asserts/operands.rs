//! Where a test hands a literal to an operator of an object of the program: `(Matrix([[1]]) * 2).rows == [[2]]`.
//!
//! `abs(Root(4) - 2.0) < 1e-6` is an operator with a literal too, and there the literal is what is expected. The tests
//! tell the two apart by what they do with the result, and the program has no say. They take it for an object that
//! holds something else, which they name:
//!
//! * by an attribute or a method that no builtin type has: `(m * 2).rows == [[2]]`;
//! * by comparing it with an object that they make: `v * 2 == Vector(2, 4)`;
//! * by its text, which is none of a number: `str(v * 2) == "(2, 4)"`;
//! * by such a use of the variable that it is assigned to, which is used as an object only: `w = v * 2`, `w.x == 2`.
//!
//! What they compare with has to tell something of its own: in `(Root(4) - 2).value == 0` the 2 is what is expected in
//! truth. Only literals are handed over, and as the tests spell them: the question to the program has the operator's
//! place, and its data is read here from there. Whatever else is computed fails the assertion.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{
    CmpOp, Expr, ExprBinOp, ExprCall, ExprCompare, ModModule, Operator, Parameter, Stmt, UnaryOp,
};

use super::comparing;
use super::evaluate::literal;
use super::names::Names;
use crate::knowledge::is_builtin_method;
use crate::value::Value;

/// Such operators by their places, as `check.py` spells these.
#[derive(Debug, Default)]
pub(crate) struct Operands(BTreeMap<String, OperandSite>);

/// An operator of the tests that hands a literal to an object of the program. Made of the tests' text only.
#[derive(Debug, Clone)]
pub(crate) struct OperandSite {
    name: &'static str,
    data: Value,
    in_front: bool,
}

impl Operands {
    /// Finds them in the tests; `makers` are the names of the program that make objects, besides its classes.
    pub(super) fn of(tests: &ModModule, source: &str, names: &Names, makers: &BTreeSet<String>) -> Self {
        let makes = |name: &str| {
            names.externals.iter().any(|(alias, program)| {
                alias == name
                    && (makers.contains(program)
                        || program.trim_start_matches('_').starts_with(char::is_uppercase))
            })
        };
        // Twice: how a variable is used stands behind what is assigned to it.
        let mut first = Search::new(&makes);
        first.comparing = comparing::functions(tests);
        first.visit_body(&tests.body);
        let mut search = Search::new(&makes);
        search.comparing = first.comparing;
        search.objects =
            first.uses.iter().filter(|(_, uses)| uses.are_of_an_object()).map(|(name, _)| *name).collect();
        search.bound = first.bound;
        search.visit_body(&tests.body);
        let starts: Vec<usize> =
            std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let place = |offset: usize| {
            let line = starts.partition_point(|&start| start <= offset);
            format!("{line}:{}", offset - starts[line - 1])
        };
        let spelled = |binary: &ExprBinOp| {
            let range = binary.range;
            format!("{}-{}", place(range.start().to_usize()), place(range.end().to_usize()))
        };
        Self(search.found.into_iter().map(|(binary, site)| (spelled(binary), site)).collect())
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The operator at a place.
    pub(crate) fn site(&self, place: &str) -> Option<&OperandSite> {
        self.0.get(place)
    }

    /// One operator by itself.
    #[cfg(test)]
    pub(crate) fn only(place: &str, name: &'static str, data: Value) -> Self {
        Self([(place.to_owned(), OperandSite { name, data, in_front: false })].into())
    }
}

impl OperandSite {
    /// Reads an operator with a literal on one side.
    fn of(binary: &ExprBinOp) -> Option<Self> {
        let name = function(binary.op);
        match (literal(&binary.left), literal(&binary.right)) {
            (None, Some(data)) => Some(Self { name, data, in_front: false }),
            (Some(data), None) => Some(Self { name, data, in_front: true }),
            _ => None,
        }
    }

    /// The name of its function in Python's `operator`.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The literal.
    pub(crate) fn data(&self) -> &Value {
        &self.data
    }

    /// Whether the literal stands in front of the object.
    pub(crate) fn is_in_front(&self) -> bool {
        self.in_front
    }
}

fn function(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "add",
        Operator::Sub => "sub",
        Operator::Mult => "mul",
        Operator::MatMult => "matmul",
        Operator::Div => "truediv",
        Operator::Mod => "mod",
        Operator::Pow => "pow",
        Operator::LShift => "lshift",
        Operator::RShift => "rshift",
        Operator::BitOr => "or_",
        Operator::BitXor => "xor",
        Operator::BitAnd => "and_",
        Operator::FloorDiv => "floordiv",
    }
}

/// How the tests use a variable.
#[derive(Debug, Default)]
struct Uses {
    all: usize,
    /// By what no plain data has.
    as_object: usize,
    /// And compared with something that tells.
    telling: usize,
}

impl Uses {
    fn are_of_an_object(&self) -> bool {
        self.telling > 0 && self.as_object == self.all
    }
}

struct Search<'a, 'f> {
    /// Whether calling a name makes an object.
    makes: &'f dyn Fn(&str) -> bool,
    /// Functions of the tests that compare two of their arguments, and which.
    comparing: BTreeMap<&'a str, (usize, usize)>,
    uses: BTreeMap<&'a str, Uses>,
    /// Variables that are used as objects.
    objects: BTreeSet<&'a str>,
    /// How often something is bound to a variable, and how often that is an object that the test makes.
    bound: BTreeMap<&'a str, (usize, usize)>,
    /// Whether what is read here is compared with something that tells.
    telling: bool,
    /// The literal that it is compared with.
    compared_with: Option<Value>,
    found: Vec<(&'a ExprBinOp, OperandSite)>,
}

impl<'a, 'f> Search<'a, 'f> {
    fn new(makes: &'f dyn Fn(&str) -> bool) -> Self {
        Self {
            makes,
            comparing: BTreeMap::new(),
            uses: BTreeMap::new(),
            objects: BTreeSet::new(),
            bound: BTreeMap::new(),
            telling: false,
            compared_with: None,
            found: Vec::new(),
        }
    }

    /// Notes that a value is an object for the tests.
    fn is_object(&mut self, value: &'a Expr) {
        match value {
            Expr::BinOp(binary) => {
                if let Some(site) = OperandSite::of(binary) {
                    let is_expected =
                        self.compared_with.as_ref().is_some_and(|it| it.equals(&site.data) != Ok(false));
                    // Times nothing is nothing whatever it is: that tells no program what is expected.
                    let is_nothing = site.name == "mul" && site.data.truth() == Some(false);
                    if !is_expected && (self.telling || is_nothing) {
                        self.found.push((binary, site));
                    }
                }
                self.is_object(&binary.left);
                self.is_object(&binary.right);
            }
            Expr::Name(name) => {
                let uses = self.uses.entry(name.id.as_str()).or_default();
                uses.as_object += 1;
                uses.telling += usize::from(self.telling);
            }
            _ => {}
        }
    }

    /// Whether an expression makes an object by itself, and if so, whether that is of something that tells.
    fn made(&self, value: &Expr) -> Option<bool> {
        match value {
            Expr::Call(call) => {
                let name = call.func.as_name_expr()?.id.as_str();
                let named = call.arguments.keywords.iter().map(|keyword| &keyword.value);
                let tells = call.arguments.args.iter().chain(named).any(|argument| !is_neutral(argument));
                (self.makes)(name).then_some(tells)
            }
            Expr::Name(name) => {
                let (all, made) = self.bound.get(name.id.as_str())?;
                (all == made).then_some(true)
            }
            _ => None,
        }
    }

    /// Reads one side of a comparison.
    fn compared(&mut self, one: &'a Expr, other: &'a Expr) {
        let outer = (self.telling, self.compared_with.take());
        let made = self.made(other);
        self.compared_with = literal(other);
        self.telling = made == Some(true) || self.compared_with.is_some() && !is_neutral(other);
        if made.is_some() {
            self.is_object(one);
        }
        if let (Some(value), Some(Value::Str(text))) = (as_text(one), literal(other))
            && !is_number(&text)
        {
            self.is_object(value);
        }
        self.visit_expr(one);
        (self.telling, self.compared_with) = outer;
    }

    fn both(&mut self, left: &'a Expr, right: &'a Expr) {
        self.compared(left, right);
        self.compared(right, left);
    }

    fn comparison(&mut self, expr: &'a Expr, compare: &'a ExprCompare) {
        if let ([CmpOp::Eq | CmpOp::NotEq], [right]) = (&*compare.ops, &*compare.comparators) {
            return self.both(&compare.left, right);
        }
        let outer = std::mem::replace(&mut self.telling, false);
        visitor::walk_expr(self, expr);
        self.telling = outer;
    }

    fn call(&mut self, expr: &'a Expr, call: &'a ExprCall) {
        let name = match &*call.func {
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            Expr::Name(name) => name.id.as_str(),
            _ => "",
        };
        // No plain data can be called.
        self.is_object(&call.func);
        let args = &*call.arguments.args;
        let places = comparing::BY_NAME
            .contains(&name)
            .then_some((0, 1))
            .or_else(|| self.comparing.get(name).copied());
        let compared = places.and_then(|(one, other)| Some((one, other, args.get(one)?, args.get(other)?)));
        if let Some((one, other, left, right)) = compared {
            self.both(left, right);
            let rest = args.iter().enumerate().filter(|(place, _)| *place != one && *place != other);
            rest.for_each(|(_, argument)| self.visit_expr(argument));
        } else {
            visitor::walk_expr(self, expr);
        }
    }
}

impl<'a> Visitor<'a> for Search<'a, '_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        visitor::walk_stmt(self, stmt);
        if let Stmt::Assign(assign) = stmt
            && let [Expr::Name(name)] = assign.targets.as_slice()
        {
            let name = name.id.as_str();
            let tells = self.made(&assign.value) == Some(true);
            self.bound.entry(name).or_default().1 += usize::from(tells);
            if self.objects.contains(name) {
                let outer = std::mem::replace(&mut self.telling, true);
                self.is_object(&assign.value);
                self.telling = outer;
            }
        }
    }

    fn visit_parameter(&mut self, parameter: &'a Parameter) {
        self.bound.entry(parameter.name.as_str()).or_default().0 += 1;
        visitor::walk_parameter(self, parameter);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if name.ctx.is_load() => self.uses.entry(name.id.as_str()).or_default().all += 1,
            Expr::Name(name) => self.bound.entry(name.id.as_str()).or_default().0 += 1,
            Expr::Attribute(attribute) => {
                let name = attribute.attr.as_str();
                if !name.starts_with("__") && !is_builtin_method(name) {
                    self.is_object(&attribute.value);
                }
                visitor::walk_expr(self, expr);
            }
            Expr::Compare(compare) => self.comparison(expr, compare),
            // How far it is from something.
            Expr::BinOp(binary) if binary.op == Operator::Sub && literal(&binary.right).is_some() => {
                self.compared(&binary.left, &binary.right);
            }
            Expr::Call(call) => self.call(expr, call),
            _ => visitor::walk_expr(self, expr),
        }
    }
}

/// The value whose text an expression is.
fn as_text(expr: &Expr) -> Option<&Expr> {
    let call = expr.as_call_expr()?;
    let name = call.func.as_name_expr()?.id.as_str();
    match &*call.arguments.args {
        [value] if matches!(name, "str" | "repr") => Some(value),
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    text.trim().parse::<f64>().is_ok()
}

/// Whether a literal says only that something is nothing, is equal, or is so: what it is compared with then stands
/// elsewhere.
fn is_neutral(expr: &Expr) -> bool {
    match expr {
        Expr::Tuple(tuple) => tuple.elts.iter().all(is_neutral),
        Expr::List(list) => list.elts.iter().all(is_neutral),
        Expr::Set(set) => set.elts.iter().all(is_neutral),
        Expr::Dict(dict) => dict.items.iter().all(|item| is_neutral(&item.value)),
        Expr::UnaryOp(unary) => unary.op == UnaryOp::USub && is_neutral(&unary.operand),
        _ => match literal(expr) {
            Some(Value::Int(number)) => number == 0.into() || number == 1.into(),
            Some(Value::Float(number)) => number == 0.0 || number == 1.0,
            Some(Value::Str(text)) => text.is_empty(),
            Some(Value::Bool(_) | Value::None) => true,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tests: &str) -> Vec<(String, &'static str, String)> {
        let tree = ruff_python_parser::parse_module(tests).unwrap();
        let names = Names::of(tree.syntax(), None, |_| false);
        let operands = Operands::of(tree.syntax(), tests, &names, &BTreeSet::new());
        operands.0.into_iter().map(|(place, site)| (place, site.name, site.data.literal())).collect()
    }

    #[test]
    fn a_literal_goes_to_an_operator_whose_result_is_an_object_for_the_tests() {
        for (tests, place, name, data) in [
            ("assert (M([[1]]) * 2).rows == [[2]]", "1:8-1:20", "mul", "0x2"),
            ("assert (M([[1]]) * 2).row(0)[1] == 4", "1:8-1:20", "mul", "0x2"),
            ("\nassert V(3) - 1 == V(2)", "2:7-2:15", "sub", "0x1"),
            ("assert V(2) * 0 == V(0)", "1:7-1:15", "mul", "0x0"),
            ("assert (P([1]) * 2)(3) == 6", "1:8-1:18", "mul", "0x2"),
            ("assert V(2) == 2 ** V(1)", "1:15-1:24", "pow", "0x2"),
            ("w = V(1) + 1\nassert w.x == 2\nassert w.y == 0", "1:4-1:12", "add", "0x1"),
            ("w = V(1) * -3\nassert (w.x, w.y) == (3, 6)", "1:4-1:13", "mul", "-0x3"),
            ("w = V(2)\nassert V(1) + [1] == w", "2:7-2:17", "add", "[0x1,]"),
            ("self.assertEqual(V(1) / 2, V(3))", "1:17-1:25", "truediv", "0x2"),
            ("def same(a, b):\n    assert a == b\nsame(V(1) * 2, V(2))", "3:5-3:13", "mul", "0x2"),
            ("assert str(Money(5) * 2) == '$10.00'", "1:11-1:23", "mul", "0x2"),
            ("assert abs((V(2) * 3).x - 6.0) < 1e-9", "1:12-1:20", "mul", "0x3"),
            ("assert (transposed(m) * 2).rows == [[2]]", "1:8-1:25", "mul", "0x2"),
        ] {
            assert_eq!(of(tests), [(place.to_owned(), name, data.to_owned())], "{tests}");
        }
    }

    #[test]
    fn what_may_be_expected_goes_nowhere() {
        for tests in [
            "assert abs(Root(4) - 2.0) < 1e-6",
            "assert (Root(4) - 2).real == 5",
            "assert Root(4) - 2 == 0",
            "assert Root(4) * 1 == 2",
            "assert (Root(4) - 2).__class__ is int",
            "assert round(Root(4) / 2) == 1",
            "w = Root(4) - 2\nassert w == 0",
            "w = Root(4) - 2\nassert abs(w) < 1e-6\nw = V(1)\nassert w.x == 3",
            "assert Root(4) - 2 == f(0)",
            "assert Root(4) - 2 == Fraction(0)\nfrom fractions import Fraction",
            "assert str(Root(4) - 2) == '0'",
            // What is expected in truth, behind a comparison with nothing.
            "assert (Root(4) - 2).value == 0",
            "assert (Root(4) + 2).value == 2",
            "assert (Rows(4) + [[2]]).rows == [[2.0]]",
            "assert str(Text(4) + '(2)') == '(2)'",
            "assert (Root(4) / 2).value == 1",
            "assert not (Root(4) - 2).value",
            "assert (Root(4) - 2).is_zero()",
            "assert (Root(4) - 2.0).norm() < 1e-6",
            "assert abs((Root(4) - 2.0).value) < 1e-6",
            "assert abs((Root(4) - 2.0).value - 0) < 1e-6",
            "assert Root(4) - 2 == Root(0)",
            "w = Root(4) - 2\nassert w.value == 0",
            // What is computed, or stands in a variable.
            "want = 2\nassert (Root(4) - want).value == 3",
            "assert (Root(4) - g(2)).value == 3",
        ] {
            assert_eq!(of(tests), [], "{tests}");
        }
    }
}
