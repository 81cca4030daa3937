//! What in tests compares two of its arguments: methods of unittest, and functions of the tests themselves.

use std::collections::BTreeMap;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{CmpOp, Expr, ModModule, Stmt, StmtFunctionDef};

/// The methods and functions that compare their first two arguments.
pub(super) const BY_NAME: [&str; 5] =
    ["assertEqual", "assertNotEqual", "assertAlmostEqual", "assertListEqual", "isclose"];

/// Functions of the tests that assert of two of their parameters that they are equal: `def same(a, b): assert a == b`.
pub(super) fn functions(tests: &ModModule) -> BTreeMap<&str, (usize, usize)> {
    #[derive(Default)]
    struct Functions<'a> {
        within: Vec<&'a StmtFunctionDef>,
        found: BTreeMap<&'a str, (usize, usize)>,
    }
    impl<'a> Functions<'a> {
        /// Notes the innermost function where both sides are parameters of it.
        fn compared(&mut self, left: &Expr, right: &Expr) {
            let Some(function) = self.within.last() else { return };
            let names: Vec<&str> = function.parameters.iter().map(|it| it.name().as_str()).collect();
            let names = names.strip_prefix(&["self"]).unwrap_or(&names);
            let place = |side: &Expr| {
                let side = side.as_name_expr()?.id.as_str();
                names.iter().position(|name| *name == side)
            };
            if let (Some(left), Some(right)) = (place(left), place(right)) {
                self.found.insert(function.name.as_str(), (left, right));
            }
        }
    }
    impl<'a> Visitor<'a> for Functions<'a> {
        fn visit_stmt(&mut self, stmt: &'a Stmt) {
            match stmt {
                Stmt::FunctionDef(function) => {
                    self.within.push(function);
                    visitor::walk_stmt(self, stmt);
                    self.within.pop();
                    return;
                }
                Stmt::Assert(assert) => {
                    if let Expr::Compare(compare) = &*assert.test
                        && let ([CmpOp::Eq], [right]) = (&*compare.ops, &*compare.comparators)
                    {
                        self.compared(&compare.left, right);
                    }
                }
                Stmt::Expr(statement) => {
                    if let Expr::Call(call) = &*statement.value
                        && let Expr::Attribute(function) = &*call.func
                        && BY_NAME.contains(&function.attr.as_str())
                        && let [left, right, ..] = &*call.arguments.args
                    {
                        self.compared(left, right);
                    }
                }
                _ => {}
            }
            visitor::walk_stmt(self, stmt);
        }
    }
    let mut functions = Functions::default();
    functions.visit_body(&tests.body);
    functions.found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_asserts_of_its_parameters_compares_them() {
        for (tests, places) in [
            ("def same(a, b):\n    assert a == b", Some((0, 1))),
            ("def same(name, a, b):\n    assert b == a, name", Some((2, 1))),
            ("def same(self, a, b):\n    self.assertEqual(a, b)", Some((0, 1))),
            ("def same(a, b):\n    assert f(a) == b", None),
            ("def same(a, b):\n    assert a < b", None),
            ("assert a == b", None),
        ] {
            let tree = ruff_python_parser::parse_module(tests).unwrap();
            assert_eq!(functions(tree.syntax()).get("same").copied(), places, "{tests}");
        }
    }
}
