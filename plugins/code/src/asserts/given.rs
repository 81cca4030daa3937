//! What a task gives its tests besides their text: the start of the program, and modules that they name without importing
//! them. Neither is the program's to replace.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, ModModule, Stmt};

use super::is_python;
use super::names::bound_and_loaded;

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

/// Modules under the names that everybody gives them. The sandbox lacks them, which is then the task's fault and not a
/// chance for the program.
const SHORT_NAMES: [(&str, &str); 2] = [("np", "numpy"), ("pd", "pandas")];

/// The start of a program as Python by itself. Where it ends within a function, the function has an empty body; where it
/// ends within anything else, it is what comes before. A text that only mentions code is none.
pub(super) fn prelude(prefix: &str) -> String {
    let end = prefix.trim_end();
    let empty_bodies = ["", "\n    pass\n", "\n        pass\n"].map(|body| format!("{end}{body}"));
    if let Some(whole) = empty_bodies.into_iter().find(|text| is_python(text)) {
        return whole;
    }
    let lines: Vec<&str> = end.split_inclusive('\n').collect();
    let heads = (1..lines.len()).rev().map(|count| lines[..count].concat());
    heads.into_iter().find(|head| defines_alone(head)).unwrap_or_default()
}

/// Whether a text is Python that does nothing but import and define.
fn defines_alone(text: &str) -> bool {
    let Ok(parsed) = ruff_python_parser::parse_module(text) else { return false };
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
    parsed.syntax().body.iter().all(is_definition)
}

/// The tests, behind the imports that they count on: those in the prelude of names that they use, and of modules that
/// they look into.
pub(super) fn with_imports(tests: &str, tree: &ModModule, prelude: &str) -> String {
    let (bound, loaded) = bound_and_loaded(tree);
    let wanted = |name: &str| loaded.contains(name) && !bound.contains(name);
    let mut imports = Vec::new();
    let mut given = BTreeSet::new();
    if let Ok(parsed) = ruff_python_parser::parse_module(prelude) {
        for statement in &parsed.syntax().body {
            let (names, range) = match statement {
                Stmt::Import(import) => (&import.names, import.range),
                Stmt::ImportFrom(import)
                    if import.module.as_ref().is_none_or(|m| m.as_str() != "__future__") =>
                {
                    (&import.names, import.range)
                }
                _ => continue,
            };
            let names: Vec<&str> = names.iter().map(known_as).collect();
            if names.iter().any(|name| wanted(name)) {
                imports.push(prelude[range].to_owned());
                given.extend(names.into_iter().map(str::to_owned));
            }
        }
    }
    let looked_into = only_looked_into(tree);
    for name in looked_into.into_iter().filter(|name| wanted(name) && !given.contains(*name)) {
        if MODULES.binary_search(&name).is_ok() {
            imports.push(format!("import {name}"));
        } else if let Some((_, module)) = SHORT_NAMES.iter().find(|(short, _)| *short == name) {
            imports.push(format!("import {module} as {name}"));
        }
    }
    if imports.is_empty() { tests.to_owned() } else { format!("{}\n{tests}", imports.join("\n")) }
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

    fn imports(tests: &str, prefix: &str) -> String {
        let tree = ruff_python_parser::parse_module(tests).unwrap();
        let with = with_imports(tests, tree.syntax(), &prelude(prefix));
        with.strip_suffix(tests).unwrap().trim_end().to_owned()
    }

    #[test]
    fn the_start_of_a_program_is_made_whole() {
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
    fn tests_get_the_imports_that_they_count_on() {
        assert_eq!(imports("assert math.isclose(f(3), 1.5)", ""), "import math");
        assert_eq!(imports("assert np.allclose(f(3), 1.5)", ""), "import numpy as np");
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
    fn the_list_is_sorted() {
        assert!(MODULES.is_sorted());
    }
}
