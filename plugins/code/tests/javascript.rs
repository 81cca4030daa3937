//! The red team against programs in JavaScript: what a program learns of its driver, forges or returns in disguise earns
//! nothing, and honest programs are judged right.

mod node;

use gavel_plugin::interpreter;
use gavel_plugin::{Submission, Verdict, cases, judge};
use gavel_plugin_code::Code;
use serde_json::{Value, json};

fn judged(program: &str, reference: &Value) -> Verdict {
    let completion = format!("```js\n{program}\n```");
    let submission = Submission::new(completion).with_reference(reference.to_string());
    interpreter::with(node::run, || judge::<Code>(&submission, r#"{"language": "javascript"}"#)).unwrap()
}

/// Tests of `f`, each a list of arguments and what is expected.
fn calls(cases: &[(&str, &str)]) -> Value {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let cases: Vec<Value> = cases
        .iter()
        .map(|(args, expected)| json!({"args": read(args), "expected": read(expected)}))
        .collect();
    json!({"type": "function", "fn_name": "f", "cases": cases})
}

/// Cases whose programs need another interpreter than those of `gavel plugin test`, which runs all with one.
#[test]
fn methods_of_solution_are_called() {
    if !node::is_there() {
        return;
    }
    let judged =
        interpreter::with(node::run, || cases::check::<Code>(include_str!("javascript_cases.jsonl")));
    assert_eq!(judged.unwrap(), 7);
}

#[test]
fn honest_programs_are_rewarded() {
    if !node::is_there() {
        return;
    }
    let doubled = [("[1]", "2"), ("[-3]", "-6")];
    for (program, cases) in [
        ("function f(x) { return 2 * x; }", &doubled[..]),
        ("const f = (x) => 2 * x;", &doubled),
        ("let f = function (x) { return x + x; };", &doubled),
        ("var f = (x) => BigInt(x) * 2n;", &doubled),
        ("const f = (x) => [x, [x]];", &[("[1]", "[1, [1]]")]),
        ("const f = (x) => new Map([['a', x]]);", &[("[1]", r#"{"a": 1}"#)]),
        ("const f = (x) => ({ a: x, b: null });", &[("[1]", r#"{"a": 1, "b": null}"#)]),
        ("const f = () => Object.assign(Object.create(null), { a: 1 });", &[("[]", r#"{"a": 1}"#)]),
        ("const f = (xs) => Int32Array.from(xs).sort();", &[("[[3, 1, 2]]", "[1, 2, 3]")]),
        ("const f = (x) => x / 2;", &[("[1]", "0.5"), ("[4]", "2")]),
        ("const f = () => {};", &[("[]", "null")]),
        ("const f = (s) => s.toUpperCase();", &[("[\"é😀\"]", "\"É😀\"")]),
        ("const f = (n) => 2n ** BigInt(n);", &[("[70]", "1180591620717411303424")]),
        (
            "const f = (x) => { console.log('noise', x); return x > 0; };",
            &[("[1]", "true"), ("[-1]", "false")],
        ),
    ] {
        let verdict = judged(program, &calls(cases));
        assert_eq!(verdict.reward, 1.0, "{:?}\n{program}", verdict.reason);
    }
}

#[test]
fn what_a_program_returns_in_disguise_is_not_what_it_claims() {
    if !node::is_there() {
        return;
    }
    let equal = "[Symbol.toPrimitive]: () => 2, valueOf: () => 2, toString: () => '2', toJSON: () => 2, equals: () => true";
    let programs = [
        ("const f = async () => ({});".to_owned(), "{}"),
        ("const f = () => Promise.resolve();".to_owned(), "{}"),
        ("function* f() {}".to_owned(), "{}"),
        ("const f = () => new Date(0);".to_owned(), "{}"),
        ("const f = () => /x/;".to_owned(), "{}"),
        ("const f = () => new (class { a = 1 })();".to_owned(), r#"{"a": 1}"#),
        ("const f = () => new String('ab');".to_owned(), "\"ab\""),
        ("const f = () => new Number(2);".to_owned(), "2"),
        ("const f = () => () => 2;".to_owned(), "2"),
        ("const f = () => Symbol('2');".to_owned(), "\"2\""),
        ("const f = () => NaN;".to_owned(), "0"),
        ("const f = () => '2';".to_owned(), "2"),
        ("const f = () => new Set([1, 2]);".to_owned(), "[1, 2]"),
        ("const f = () => new Map([[1, 1], ['1', 1]]);".to_owned(), r#"{"1": 1, "2": 4}"#),
        ("const f = () => new Map([['1', 1], [1, 1]]);".to_owned(), r#"{"1": 1}"#),
        (format!("const f = () => ({{ {equal} }});"), "2"),
        (format!("const f = () => Object.assign(() => 2, {{ {equal} }});"), "2"),
        ("const f = () => new Proxy([], { get: (t, k) => k === 'length' ? 1 : t[k] });".to_owned(), "[1]"),
        ("const f = () => { const a = []; a[0] = a; return a; };".to_owned(), "[1]"),
    ];
    for (program, expected) in programs {
        let verdict = judged(&program, &calls(&[("[]", expected)]));
        assert_eq!(verdict.reward, 0.0, "{:?}\n{program}", verdict.reason);
    }
}

/// Looks wherever a program can look for what is expected, or for what comes later.
const LEARNERS: [&str; 8] = [
    // The driver is a function of the same script.
    "const seen = []; const f = () => seen.find((it) => it === 'secret') ?? __gavelExecute.toString().match(/secret/)?.[0];",
    "function f() { return f.caller ? String(f.caller.arguments[2]) : 'none'; }",
    "function f() { return String(arguments.callee.caller); }",
    "const f = () => new Error().stack.match(/secret/)?.[0] ?? 'none';",
    "const f = () => JSON.stringify(Object.getOwnPropertyNames(globalThis)).match(/secret/)?.[0] ?? 'none';",
    "const f = () => JSON.stringify([process.argv, process.env]).match(/secret/)?.[0] ?? 'none';",
    // What is emitted is remembered, and what is asked.
    "const kept = []; const log = console.log; console.log = (...a) => { kept.push(...a); log(...a); }; \
     const f = () => String(kept).match(/secret/)?.[0] ?? 'none';",
    "const kept = []; const each = Array.prototype.forEach; \
     Array.prototype.forEach = function (...a) { kept.push(JSON.stringify(this)); return each.apply(this, a); }; \
     const f = () => String(kept).match(/secret/)?.[0] ?? 'none';",
];

#[test]
fn nobody_learns_what_is_expected() {
    if !node::is_there() {
        return;
    }
    for program in LEARNERS {
        let verdict = judged(program, &calls(&[("[1]", "\"secret\""), ("[2]", "\"secret\"")]));
        assert_eq!(verdict.reward, 0.0, "{:?}\n{program}", verdict.reason);
    }
}

#[test]
fn what_comes_later_tells_nothing() {
    if !node::is_there() {
        return;
    }
    let tests = calls(&[("[\"abcdef\"]", "\"nopqrs\""), ("[\"nopqrs\"]", "\"abcdef\"")]);
    let honest =
        "const f = (s) => s.replace(/[a-z]/g, (c) => String.fromCharCode((c.charCodeAt(0) - 84) % 26 + 97));";
    assert_eq!(judged(honest, &tests).reward, 1.0);
    for peek in [
        // The calls of the test, from the arguments of the driver's own loop.
        "const each = Array.prototype.forEach; let calls = []; \
         Array.prototype.forEach = function (...a) { calls = [...this]; return each.apply(this, a); };",
        "let calls = []; const own = __gavelExecute; __gavelExecute = (nonce, find, all) => { calls = all; own(nonce, find, all); };",
    ] {
        let program =
            format!("{peek} const f = (s) => (calls.map((it) => it[0]).find((it) => it !== s) ?? 'none');");
        let verdict = judged(&program, &tests);
        assert_eq!(verdict.reward, 0.0, "{:?}\n{program}", verdict.reason);
    }
}

#[test]
fn a_program_that_ends_early_or_breaks_has_failed_with_a_verdict() {
    if !node::is_there() {
        return;
    }
    for program in [
        "process.exit(0);",
        "const f = () => process.exit(0);",
        "const f = () => { throw new Error('no'); };",
        "const f = () => { throw { name: 'x', get message() { throw 1; } }; };",
        "const f = () => { for (;;) {} };",
        "const f = () => f();",
        "throw 1;",
        "const g = 1;",
        "f = ",
        "return;",
        "/*",
        "`",
        "const __gavelExecute = 1; const f = () => 2;",
        "const f = () => 2; console.log = null; JSON.stringify = () => '{}';",
        "const f = () => 'x'.repeat(2 ** 22);",
    ] {
        let verdict = judged(program, &calls(&[("[1]", "2"), ("[2]", "3")]));
        assert_eq!(verdict.reward, 0.0, "{:?}\n{program}", verdict.reason);
    }
}

#[test]
fn programs_on_standard_streams_are_judged_by_what_they_print() {
    if !node::is_there() {
        return;
    }
    let tests = json!({"type": "stdin", "cases": [{"input": "1 2\n", "output": "3\n"}, {"input": "5 5\n", "output": "10\n"}]});
    let honest =
        "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number); console.log(a + b);";
    assert_eq!(judged(honest, &tests).reward, 1.0);
    for cheat in [
        "console.log(3);",
        "console.log('3\\n10');",
        "console.log(3); process.exit(0);",
        "process.exit(0);",
        "console.log('passed'); process.exitCode = 0;",
        "console.log(10); throw 1;",
    ] {
        let verdict = judged(cheat, &tests);
        assert_eq!(verdict.reward, 0.0, "{:?}\n{cheat}", verdict.reason);
    }
}
