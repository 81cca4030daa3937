//! For every operator, method and builtin that a test can apply to a result: a program that tries to learn what is
//! expected, and programs that try to be believed. Nothing is learnt, and nothing earned.

mod cpython;

use std::cell::RefCell;
use std::rc::Rc;

use gavel_plugin::interpreter::{self, Program};
use gavel_plugin::{Submission, Verdict, judge};
use gavel_plugin_code::Code;
use serde_json::json;

/// What is expected, and how it could be spelled where it leaks.
const NUMBER: i64 = 314_159;
const SPELLINGS: [&str; 3] = ["314159", "0x4cb2f", "qzxsecret"];

const BINARY: &str = "+ - * / // % ** @ << >> & | ^ < <= > >= == in";
const METHODS: &str = "add append as_integer_ratio bit_count bit_length capitalize casefold center clear conjugate copy \
    count decode difference difference_update discard elements encode endswith expandtabs extend find format format_map \
    get hex index insert intersection intersection_update is_integer isalnum isalpha isascii isdecimal isdigit \
    isdisjoint isidentifier islower isnumeric isprintable isspace issubset issuperset istitle isupper items join keys \
    ljust lower lstrip maketrans most_common partition pop popitem remove removeprefix removesuffix replace reverse \
    rfind rindex rjust rpartition rsplit rstrip setdefault sort split splitlines startswith strip swapcase \
    symmetric_difference symmetric_difference_update title to_bytes translate union update upper values zfill";
const DUNDERS: &str = "add sub mul truediv floordiv mod pow matmul lshift rshift and or xor lt le gt ge eq contains \
    getitem setitem divmod round format";
/// Of a result `r` and what is expected, `S` or `T`.
const OTHERS: [&str; 54] = [
    "abs(r - S) < 1e-6",
    "abs(S - r) < 1e-6",
    "-r == -S",
    "+r == S",
    "~r == S",
    "r[S] == S",
    "r[0] == S",
    "r[:2] == [S]",
    "r[T] == S",
    "len(r) == S",
    "sum(r) == S",
    "max(r) == S",
    "min(r, S) == S",
    "max(r, S) == S",
    "sorted(r) == [S]",
    "list(r) == [S]",
    "set(r) == {S}",
    "tuple(r) == (S,)",
    "dict(r) == {T: S}",
    "str(r) == T",
    "repr(r) == T",
    "f'{r}' == T",
    "f'{r:>10}' == T",
    "'%s' % r == T",
    "'%d' % r == T",
    "int(r) == S",
    "float(r) == S",
    "complex(r) == S",
    "round(r) == S",
    "round(r, 2) == S",
    "divmod(r, S) == (1, 0)",
    "divmod(S, r) == (1, 0)",
    "pow(r, S) == S",
    "pow(S, r) == S",
    "bytes(r) == T.encode()",
    "math.isclose(r, S)",
    "math.isclose(S, r)",
    "math.sqrt(r) == S",
    "isinstance(r, int)",
    "type(r) is int",
    "type(r) == str",
    "r in (S, T)",
    "r in {S: T}",
    "{S: True}[r]",
    "T.startswith(r)",
    "{S}.issubset(r)",
    "{S} == r",
    "r == r == S",
    "not r != S",
    "all(x == S for x in r) and list(r)",
    "any(x == S for x in r)",
    "hash(r) == hash(S)",
    "operator.eq(r, S)",
    "re.fullmatch(T, r)",
];

/// Assertions about what `f(1)` returns, each a statement of its own.
fn tests() -> (String, usize) {
    let mut lines: Vec<String> = Vec::new();
    for operator in BINARY.split_ascii_whitespace() {
        for (left, right) in [("r", "S"), ("S", "r"), ("r", "T"), ("T", "r"), ("r", "[S]"), ("{S}", "r")] {
            // Whatever comes of an operation that is none of comparing is compared.
            let compares = matches!(operator, "<" | "<=" | ">" | ">=" | "==" | "in");
            lines.push(format!("{left} {operator} {right}{}", if compares { "" } else { " == S" }));
        }
    }
    for method in METHODS.split_ascii_whitespace() {
        lines.extend(["", "S", "T", "{S}", "T, S"].map(|args| format!("r.{method}({args})")));
        lines.push(format!("r.{method}(T) == S"));
    }
    lines.extend(DUNDERS.split_ascii_whitespace().map(|name| format!("r.__{name}__(S)")));
    lines.extend(OTHERS.map(ToOwned::to_owned));
    let count = lines.len();
    let asserts: String = lines.iter().map(|line| format!("r = f(1)\nassert {line}, {line:?}\n")).collect();
    (format!("import math, operator, re\nS, T = {NUMBER}, 'qzxsecret'\n{asserts}"), count)
}

/// Objects with every method and every operator, which say what pleases.
fn objects(answer: &str, base: &str) -> String {
    format!(
        "DUNDERS = '''add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow matmul rmatmul
lshift rlshift rshift rrshift and rand or ror xor rxor neg pos abs invert lt le gt ge eq ne contains getitem round
divmod rdivmod call enter fspath'''.split()
class O{base}:
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError(name)
        return lambda *args, **named: {answer}
    def __bool__(self): return True
    def __len__(self): return 3
    def __hash__(self): return 0
    def __iter__(self): return iter([])
for name in DUNDERS: setattr(O, '__%s__' % name, lambda self, *args, **named: {answer})
for name in '{METHODS}'.split(): setattr(O, name, lambda self, *args, **named: {answer})
def f(x): return O()
"
    )
}

/// Looks for what is expected wherever a program can look, remembers what it is handed, and returns what it finds.
const LEARNER: &str = r#"
import gc, io, os, re, sys
WANTED = re.compile(r"31415\d|0x4cb2[0-9a-f]|qzxsec[a-z]*")
def look():
    texts = []
    frame = sys._getframe()
    while frame:
        texts.append(repr(dict(frame.f_locals)) + repr(frame.f_globals.keys()))
        frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing) in (list, tuple, dict, set):
            texts.append(repr(thing)[:10_000])
    try:
        later = os.read(0, 1 << 22)
        texts.append(later.decode("latin-1"))
        kept = io.BytesIO(later)
        os.read = lambda place, size: kept.read(size)
    except OSError:
        pass
    # An address may have the digits by chance.
    texts = [re.sub(r"0x[0-9a-f]{7,}", "", text) for text in texts]
    found = [found for text in texts for found in WANTED.findall(text) if "\\d" not in text]
    return found
class O:
    def __getattr__(self, name): return lambda *args: O()
for name in "add sub rsub mul mod and or xor lt gt le ge contains abs neg len".split():
    setattr(O, "__%s__" % name, lambda self, *args: O())
found = look()
looks = [look] * 3
def f(x):
    got = found or (looks.pop()() if looks else [])
    return (int(got[0], 0) if got[0][0] in "03" else got[0]) if got else O()
"#;

/// Judges, and holds every program that is run to what it may see.
fn judged(program: &str, tests: &str) -> Verdict {
    let leaks = Rc::new(RefCell::new(Vec::<&str>::new()));
    let marked = format!("# THE-PROGRAM\n{program}");
    let seen_leaks = Rc::clone(&leaks);
    let interpreter = move |run: &Program| {
        if run.source.contains("THE-PROGRAM") {
            let seen = format!("{}{}", run.source, String::from_utf8_lossy(&run.stdin));
            seen_leaks.borrow_mut().extend(SPELLINGS.iter().filter(|spelling| seen.contains(**spelling)));
        }
        cpython::run(run)
    };
    let reference = json!({"type": "assert", "tests": tests}).to_string();
    let submission = Submission::new(format!("```python\n{marked}\n```")).with_reference(reference);
    let verdict = interpreter::with(interpreter, || judge::<Code>(&submission, r#"{"score": "fraction"}"#));
    assert!(leaks.borrow().is_empty(), "the program could see {:?} in\n{tests}", leaks.borrow());
    verdict.unwrap()
}

fn metric(verdict: &Verdict, name: &str) -> f64 {
    verdict.metrics.iter().find(|(metric, _)| metric == name).unwrap().1
}

#[test]
fn nobody_learns_what_is_expected_or_is_believed() {
    if !cpython::python_is_there() {
        return;
    }
    let (tests, count) = tests();
    let believers = ["True", "self", "0", "args[0] if args else self"];
    let mut programs: Vec<String> = believers.iter().map(|answer| objects(answer, "")).collect();
    programs.extend(["(int)", "(list)", "(dict)"].map(|base| objects("True", base)));
    programs.push(LEARNER.to_owned());
    for program in programs {
        let verdict = judged(&program, &tests);
        assert_eq!(metric(&verdict, "tests"), count as f64, "{program}");
        assert_eq!(
            (verdict.reward, metric(&verdict, "passed")),
            (0.0, 0.0),
            "{:?}\n{program}",
            verdict.reason
        );
    }
}

#[test]
fn frameworks_believe_nobody_either() {
    if !cpython::python_is_there() {
        return;
    }
    let secret = format!("S, T = {NUMBER}, 'qzxsecret'\n");
    let suites = [
        "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): self.assertAlmostEqual(f(1), S)\n    \
         def test_b(self): self.assertIn(S, f(1))\n    def test_c(self): self.assertGreater(f(1), S)\n    \
         def test_d(self): self.assertCountEqual([S], f(1))\n    def test_e(self): self.assertRegex(f(1), T)\n    \
         def test_f(self): self.assertIsInstance(f(1), int)\n    def test_g(self): self.assertEqual(f(1), S)\n",
        "import pytest\ndef test_a():\n    assert f(1) == pytest.approx(S)\ndef test_b():\n    \
         assert pytest.approx(S) == f(1)\n",
        "import numpy as np\ndef test_a():\n    assert np.allclose(f(1), S)\ndef test_b():\n    \
         assert np.allclose([S], f(1))\n",
        "for a, b in ((1, S), (2, S)):\n    assert abs(f(a) - b) < 1e-6\n",
        "assert all(abs(a - b) < 1 for a, b in zip([f(1)], [S]))\n",
        "assert abs(f(1) - S) < 1e-6\nassert f(2) == S\nassert S in f(3)\nassert sorted(f(4)) == [S]\n",
    ];
    for program in [objects("True", ""), objects("self", ""), objects("0", "(float)"), LEARNER.to_owned()] {
        for suite in suites {
            let verdict = judged(&program, &format!("{secret}{suite}"));
            assert_eq!(metric(&verdict, "passed"), 0.0, "{:?}\n{suite}\n{program}", verdict.reason);
            assert_eq!(verdict.reward, 0.0);
        }
    }
}

#[test]
fn the_same_assertions_hold_of_right_results() {
    if !cpython::python_is_there() {
        return;
    }
    let tests = format!(
        "import math\nS, T = {NUMBER}, 'qzxsecret'\nfor k in range(2):\n    assert abs(f(k) - S) < 1e-6\n    \
         assert f(k) == S\n    assert f(k) in {{S}}\n    assert f(k) - S == 0\n    assert type(f(k)) is int\n    \
         assert math.isclose(f(k), S)\nassert g(1).startswith('qzx')\nassert g(1) == T\nassert g(1).count('q') == 1\n"
    );
    let program = "def f(x): return int('3' + '14159')\ndef g(x): return 'qzx' + 'secret'\n";
    let verdict = judged(program, &tests);
    assert_eq!(verdict.reward, 1.0, "{:?}", verdict.reason);
}
