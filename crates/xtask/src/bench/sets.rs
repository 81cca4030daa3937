//! The sets to measure on: pairs of a reference and a completion, with a label where there is one.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

/// Pairs from one source.
pub struct Set {
    pub name: &'static str,
    pub pairs: Vec<Pair>,
}

/// A reference and a completion.
#[derive(Clone, Default)]
pub struct Pair {
    /// The plugin's options, as a reward file writes them.
    pub options: String,
    pub prompt: String,
    pub gold: String,
    pub pred: String,
    /// Whether the completion deserves the reward, where somebody has said so.
    pub expected: Option<bool>,
    /// How Math-Verify's own test sets it up.
    pub config: Value,
    /// As Math-Verify is given them, where a bare answer has to stand in dollars for it.
    pub in_dollars: bool,
    /// More columns of the task.
    pub columns: Map<String, Value>,
    /// What a fresh CPython runs.
    pub program: String,
}

/// The sets of math, in the order of the table. `root` is the repository, `data` the folder of test data.
///
/// The options are those of the plugin's own tests on these sets.
pub fn math(root: &Path, data: &Path) -> Result<Vec<Set>> {
    let others = |file| rows(&data.join("other_grader_tests").join(file));
    let ours = |file| rows(&root.join("crates/xtask/bench").join(file));
    Ok(vec![
        Set {
            name: "Math-Verify's own tests",
            pairs: math_verifys_own(&rows(&data.join("math_verify_tests/cases.jsonl"))?),
        },
        Set {
            name: "hendrycks `is_equiv`",
            pairs: bare(
                &rows(&data.join("hendrycks_equiv/cases.jsonl"))?,
                "order = ['whole'], percent = 'lenient', lists = 'ordered'",
            ),
        },
        Set {
            name: "NeMo-Skills",
            pairs: bare(&others("nemo_skills_math_equal.jsonl")?, "order = ['whole'], percent = 'lenient'"),
        },
        Set {
            name: "SkyThought",
            pairs: bare(&others("skythought_math.jsonl")?, "order = ['whole'], percent = 'lenient'"),
        },
        Set {
            name: "GSM8K model solutions",
            pairs: solutions(&rows(&data.join("gsm8k/model_solutions.jsonl"))?),
        },
        Set {
            name: "55 transforms of competition answers",
            pairs: unlabelled(&rows(&data.join("math_pairs/pairs.jsonl"))?),
        },
        Set { name: "Math-Verify's known false positives", pairs: in_boxes(&ours("false-positives.jsonl")?) },
        Set { name: "Math-Verify's known false negatives", pairs: in_boxes(&ours("false-negatives.jsonl")?) },
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
        options: BOXED.to_owned(),
        gold: boxed("7"),
        pred: boxed(&answer),
        expected: Some(false),
        ..Pair::default()
    });
    Set { name: "answers that hang", pairs: pairs.into() }
}

/// GSM8K's model solutions alone.
pub fn gsm8k(data: &Path) -> Result<Vec<Pair>> {
    Ok(solutions(&rows(&data.join("gsm8k/model_solutions.jsonl"))?))
}

/// HumanEval's canonical solutions: what a policy would write, and the file that a harness would run.
pub fn humaneval(data: &Path) -> Result<Set> {
    let pairs = rows(&data.join("humaneval/HumanEval.jsonl"))?.into_iter().map(|row| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let solution = format!("{}{}", text("prompt"), text("canonical_solution"));
        Pair {
            options: "dataset = 'humaneval'".to_owned(),
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
    Ok(Set { name: "HumanEval", pairs: pairs.collect() })
}

const BOXED: &str = "preset = 'boxed'";

/// Math-Verify's own tests, with the places that each looks at and the decimals that it rounds to.
fn math_verifys_own(rows: &[Value]) -> Vec<Pair> {
    let pair = |row: &Value| {
        let config = &row["config"];
        let order = match config["extract"].as_array().map(Vec::as_slice) {
            Some([kind]) if kind == "latex" => ", order = ['final-answer', 'boxed', 'last-formula']",
            Some([kind]) if kind == "expr" => ", order = ['phrase', 'whole', 'last-number']",
            _ => "",
        };
        let rounding = match config["float_rounding"].as_u64() {
            None | Some(6) => String::new(),
            Some(decimals) => format!(", rounding = {decimals}"),
        };
        let options = format!("preset = 'math-verify'{order}{rounding}");
        Pair { options, config: config.clone(), ..labelled(row) }
    };
    rows.iter().map(pair).collect()
}

/// Bare answers, each the whole completion.
fn bare(rows: &[Value], options: &str) -> Vec<Pair> {
    // An empty reference is a broken task, and some rows of other graders' tests are no pairs.
    let pairs = rows.iter().map(labelled).filter(|pair| !pair.gold.is_empty() && pair.expected.is_some());
    pairs.map(|pair| Pair { options: options.to_owned(), in_dollars: true, ..pair }).collect()
}

/// Bare answers, stated in boxes.
fn in_boxes(rows: &[Value]) -> Vec<Pair> {
    let pair = |row| {
        let pair = labelled(row);
        Pair { options: BOXED.to_owned(), gold: boxed(&pair.gold), pred: boxed(&pair.pred), ..pair }
    };
    rows.iter().map(pair).collect()
}

fn labelled(row: &Value) -> Pair {
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    Pair { gold: text("gold"), pred: text("pred"), expected: row["expected"].as_bool(), ..Pair::default() }
}

fn solutions(rows: &[Value]) -> Vec<Pair> {
    let pair = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let expected = row["label"].as_bool();
        let options = "preset = 'gsm8k'".to_owned();
        Pair { options, gold: text("gold"), pred: text("completion"), expected, ..Pair::default() }
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

/// An answer as a completion states it.
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
