//! The sets to measure on: pairs of a reference and a completion, with a label where there is one.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// Pairs that are judged with the same options.
pub struct Set {
    pub name: &'static str,
    /// As the reward file writes them.
    pub options: Vec<(&'static str, String)>,
    pub pairs: Vec<Pair>,
}

/// A reference and a completion.
#[derive(Default)]
pub struct Pair {
    pub prompt: String,
    pub gold: String,
    pub pred: String,
    /// Whether the completion deserves the reward, where somebody has said so.
    pub expected: Option<bool>,
    /// How Math-Verify's own test sets it up.
    pub config: Value,
    /// More columns of the task.
    pub columns: Map<String, Value>,
    /// What a fresh CPython runs.
    pub program: String,
}

/// The sets of math, in the order of the table. `root` is the repository, `data` the folder of test data.
pub fn math(root: &Path, data: &Path) -> Result<Vec<Set>> {
    let preset = |name: &str| vec![("preset", format!("'{name}'"))];
    let bare = |name, file: &str| -> Result<Set> {
        Ok(Set { name, options: preset("boxed"), pairs: labelled(&rows(&data.join(file))?, boxed) })
    };
    Ok(vec![
        Set {
            name: "Math-Verify's own tests",
            options: preset("math-verify"),
            pairs: labelled(&rows(&data.join("math_verify_tests/cases.jsonl"))?, str::to_owned),
        },
        bare("hendrycks `is_equiv`", "hendrycks_equiv/cases.jsonl")?,
        bare("NeMo-Skills", "other_grader_tests/nemo_skills_math_equal.jsonl")?,
        bare("SkyThought", "other_grader_tests/skythought_math.jsonl")?,
        Set {
            name: "GSM8K model solutions",
            options: preset("gsm8k"),
            pairs: solutions(&rows(&data.join("gsm8k/model_solutions.jsonl"))?),
        },
        Set {
            name: "55 transforms of competition answers",
            options: preset("default"),
            pairs: unlabelled(&rows(&data.join("math_pairs/pairs.jsonl"))?),
        },
        bare_of_ours(
            "Math-Verify's known false positives",
            &root.join("crates/xtask/bench/false-positives.jsonl"),
        )?,
        bare_of_ours(
            "Math-Verify's known false negatives",
            &root.join("crates/xtask/bench/false-negatives.jsonl"),
        )?,
        hangs(),
    ])
}

/// Answers that cost who evaluates them more than they are worth. The reference is 7, so each is wrong.
fn hangs() -> Set {
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(300), close.repeat(300));
    let answers = [
        // https://github.com/huggingface/Math-Verify/issues/65
        r"\dfrac{5^{(5^{(5^{(5^5)})}-4)}-5}{16}".to_owned(),
        "9^{9^9}".to_owned(),
        "3^{10^8}".to_owned(),
        "2^{10^{10}}".to_owned(),
        "100000000!".to_owned(),
        "(x+y+z+w)^{80}".to_owned(),
        "x^{10^6}+x^{999999}+1".to_owned(),
        r"\binom{10^9}{5\cdot10^8}".to_owned(),
        r"\sum_{n=1}^{10^{12}} n^{-n}".to_owned(),
        r"\int_0^1 x^{x^x} dx".to_owned(),
        nested("(", ")"),
        nested(r"\sqrt{", "}"),
        nested(r"\frac{1}{", "}"),
        r"\[".repeat(4_000),
        "-".repeat(5_000),
        "7".repeat(200_000),
    ];
    let pairs = answers.map(|answer| Pair {
        gold: boxed("7"),
        pred: boxed(&answer),
        expected: Some(false),
        ..Pair::default()
    });
    Set { name: "answers that hang", options: vec![("preset", "'boxed'".to_owned())], pairs: pairs.into() }
}

/// HumanEval's canonical solutions: what a policy would write, and the file that a harness would run.
pub fn humaneval(data: &Path) -> Result<Set> {
    let pairs = rows(&data.join("humaneval/HumanEval.jsonl"))?.into_iter().map(|row| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let solution = format!("{}{}", text("prompt"), text("canonical_solution"));
        Pair {
            prompt: text("prompt"),
            pred: format!("```python\n{solution}\n```"),
            expected: Some(true),
            program: format!("{solution}\n{}\ncheck({})\n", text("test"), text("entry_point")),
            columns: row.as_object().cloned().unwrap_or_default(),
            ..Pair::default()
        }
    });
    let pairs = pairs.map(|mut pair| {
        pair.columns.remove("prompt");
        pair
    });
    Ok(Set {
        name: "HumanEval",
        options: vec![("dataset", "'humaneval'".to_owned())],
        pairs: pairs.collect(),
    })
}

/// Rows with `gold`, `pred` and `expected` as bare answers, kept in this repository.
fn bare_of_ours(name: &'static str, file: &Path) -> Result<Set> {
    Ok(Set { name, options: vec![("preset", "'boxed'".to_owned())], pairs: labelled(&rows(file)?, boxed) })
}

fn labelled(rows: &[Value], completion: impl Fn(&str) -> String) -> Vec<Pair> {
    let pair = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        Pair {
            gold: completion(text("gold")),
            pred: completion(text("pred")),
            expected: row["expected"].as_bool(),
            config: row["config"].clone(),
            ..Pair::default()
        }
    };
    rows.iter().map(pair).collect()
}

fn solutions(rows: &[Value]) -> Vec<Pair> {
    let pair = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let expected = row["label"].as_bool();
        Pair { gold: text("gold"), pred: text("completion"), expected, ..Pair::default() }
    };
    rows.iter().map(pair).collect()
}

fn unlabelled(rows: &[Value]) -> Vec<Pair> {
    let pair = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        Pair { gold: boxed(text("gold")), pred: text("pred").to_owned(), ..Pair::default() }
    };
    rows.iter().map(pair).collect()
}

/// An answer as a completion states it; both sides of a bare pair are stated so.
fn boxed(answer: &str) -> String {
    format!(r"$\boxed{{{answer}}}$")
}

fn rows(file: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
    let row = |(index, line)| {
        serde_json::from_str(line).with_context(|| format!("{}:{}", file.display(), index + 1))
    };
    text.lines().enumerate().map(row).collect()
}
