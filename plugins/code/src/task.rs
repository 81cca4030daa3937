//! What a task asks of a program: reads the reference, or the columns that well-known data sets have.

mod columns;

use std::collections::BTreeMap;

use gavel_plugin::{Error, Submission, excerpt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::hidden::Hidden;
use crate::knowledge::Argument;
use crate::options::Dataset;
use columns::from_columns;

/// JSON as it is written: numbers keep their digits.
pub(crate) type Raw = Box<RawValue>;
type Object = BTreeMap<String, Raw>;

/// What a task asks, and what its data set gives every program.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) tests: Tests,
    /// Whether the tests come in the columns of a data set whose harnesses import the usual names before the program.
    pub(crate) harness: bool,
}

/// How a program is tested.
#[derive(Debug, Clone)]
pub(crate) enum Tests {
    /// It reads the input and prints the output.
    Stdin(Vec<StdinCase>),
    /// A function of it returns what is expected.
    Function(Vec<FunctionCase>),
    /// A test in Python calls it and asserts.
    Assert(AssertTests),
}

/// One input and what must be printed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StdinCase {
    pub(crate) input: String,
    pub(crate) output: Hidden<String>,
}

/// One call and what must be returned.
#[derive(Debug, Clone)]
pub(crate) struct FunctionCase {
    pub(crate) name: String,
    pub(crate) args: Vec<Argument>,
    pub(crate) expected: Hidden<Raw>,
    /// APPS wraps some results in a list of one; then either is right.
    pub(crate) wrapped: bool,
}

/// Python source that calls the program and asserts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AssertTests {
    pub(crate) source: String,
    /// The function that is tested, where the task names it.
    pub(crate) entry_point: Option<String>,
    /// What the task gave the program to start with: the start of a function, and what stands before it.
    pub(crate) prefix: Option<String>,
    /// What the policy was asked.
    pub(crate) prompt: String,
}

/// Reads the tests of a task.
pub(crate) fn task_of(submission: &Submission, dataset: Dataset) -> Result<Task, Error> {
    let columns: Object = submission.metadata()?;
    let reference = submission.reference().unwrap_or_default();
    let own = |object: &Object| from_reference(object).map(|tests| (tests, false));
    let (tests, harness) = match dataset {
        Dataset::Reference => own(&submission.reference_json::<Object>()?)?,
        Dataset::Auto => match serde_json::from_str::<Object>(reference) {
            Ok(object) if object.contains_key("type") => own(&object)?,
            _ => from_columns(&columns, reference, &Dataset::KNOWN)?
                .or_else(|| bare_asserts(reference))
                .map(|tests| (tests, true))
                .ok_or_else(|| unreadable(reference))?,
        },
        known => (from_columns(&columns, reference, &[known])?.ok_or_else(|| missing(known))?, true),
    };
    let tests = match tests {
        Tests::Assert(mut tests) => {
            tests.prefix =
                tests.prefix.or_else(|| prefix_of(submission.prompt(), tests.entry_point.as_deref()?));
            if tests.source.trim().is_empty() {
                return Err(Error::InvalidTask("the tests are empty".to_owned()));
            }
            submission.prompt().clone_into(&mut tests.prompt);
            Tests::Assert(tests)
        }
        tests => tests,
    };
    let none = match &tests {
        Tests::Stdin(cases) => cases.is_empty(),
        Tests::Function(cases) => cases.is_empty(),
        Tests::Assert(_) => false,
    };
    if none {
        return Err(Error::InvalidTask("there are no tests".to_owned()));
    }
    Ok(Task { tests, harness })
}

impl Tests {
    /// The names that the tests call.
    pub(crate) fn wanted(&self) -> Vec<String> {
        match self {
            Self::Stdin(_) => Vec::new(),
            Self::Function(cases) => {
                let names = cases.first().map(|case| case.name.clone());
                names.into_iter().chain(["Solution".to_owned()]).collect()
            }
            Self::Assert(AssertTests { entry_point: Some(name), .. }) => vec![name.clone()],
            Self::Assert(tests) => crate::asserts::called(&tests.source),
        }
    }
}

fn unreadable(reference: &str) -> Error {
    Error::InvalidTask(format!(
        "there are no tests: the reference {:?} is no JSON object with a `type`, and no columns of a known data set \
         are there (`test` and `entry_point`, `test_list`, `input_output`, `inputs` and `outputs`, \
         `public_test_cases`, …)",
        excerpt(reference)
    ))
}

fn missing(dataset: Dataset) -> Error {
    let columns = match dataset {
        Dataset::Humaneval => "`test` and `entry_point`",
        Dataset::Mbpp => "`test_list`",
        Dataset::Apps => "`input_output`, or `inputs` and `outputs`",
        Dataset::Livecodebench => "`public_test_cases`",
        _ => "`test` or `tests`: a list of `input` and `output`",
    };
    Error::InvalidTask(format!("needs {columns}, as columns or in a reference that is a JSON object"))
}

/// The forms of `reference` that are gavel's own.
fn from_reference(object: &Object) -> Result<Tests, Error> {
    let text = serde_json::to_string(object).unwrap_or_default();
    let read = |error: serde_json::Error| Error::InvalidTask(format!("reference: {error}"));
    match serde_json::from_str(&text).map_err(read)? {
        Reference::Stdin { cases } => Ok(Tests::Stdin(cases)),
        Reference::Function { fn_name, cases } => Ok(Tests::Function(
            cases
                .into_iter()
                .map(|Call { args, expected }| FunctionCase {
                    name: fn_name.clone(),
                    args: args.into_iter().map(Argument::input).collect(),
                    expected,
                    wrapped: false,
                })
                .collect(),
        )),
        Reference::Assert { tests, entry_point, prefix } => {
            let source = match &entry_point {
                Some(name) => with_check(tests, name),
                None => tests,
            };
            Ok(Tests::Assert(AssertTests { source, entry_point, prefix, ..AssertTests::default() }))
        }
    }
}

enum Reference {
    Stdin { cases: Vec<StdinCase> },
    Function { fn_name: String, cases: Vec<Call> },
    Assert { tests: String, entry_point: Option<String>, prefix: Option<String> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    args: Vec<Raw>,
    expected: Hidden<Raw>,
}

/// Serde's own tagged enums cannot hold raw values, so the tag is read first.
impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct All {
            r#type: String,
            cases: Option<Raw>,
            fn_name: Option<String>,
            tests: Option<String>,
            entry_point: Option<String>,
            prefix: Option<String>,
        }
        fn field<T, E: serde::de::Error>(value: Option<T>, name: &'static str) -> Result<T, E> {
            value.ok_or_else(|| E::missing_field(name))
        }
        fn cases<T: DeserializeOwned, E: serde::de::Error>(raw: Option<Raw>) -> Result<Vec<T>, E> {
            let raw = field::<_, E>(raw, "cases")?;
            serde_json::from_str(raw.get()).map_err(|error| E::custom(format!("cases: {error}")))
        }
        let all = All::deserialize(deserializer)?;
        match all.r#type.as_str() {
            "stdin" => Ok(Self::Stdin { cases: cases(all.cases)? }),
            "function" => {
                Ok(Self::Function { fn_name: field(all.fn_name, "fn_name")?, cases: cases(all.cases)? })
            }
            "assert" => Ok(Self::Assert {
                tests: field(all.tests, "tests")?,
                entry_point: all.entry_point,
                prefix: all.prefix,
            }),
            other => Err(D::Error::unknown_variant(other, &["stdin", "function", "assert"])),
        }
    }
}

fn asserts(source: String) -> Tests {
    Tests::Assert(AssertTests { source, ..AssertTests::default() })
}

fn bare_asserts(reference: &str) -> Option<Tests> {
    reference.contains("assert").then(|| asserts(reference.to_owned()))
}

/// Calls `check` with the function in question, where the test only defines it.
fn with_check(test: String, entry_point: &str) -> String {
    let called = test.lines().any(|line| line.starts_with("check("));
    if test.contains("def check(") && !called { format!("{test}\n\ncheck({entry_point})\n") } else { test }
}

/// The code in a prompt that starts the function, where it does.
fn prefix_of(prompt: &str, entry_point: &str) -> Option<String> {
    let definition = format!("def {entry_point}(");
    if !prompt.contains(&definition) {
        return None;
    }
    let blocks = crate::extract::blocks(prompt);
    let fenced = blocks.into_iter().map(|block| block.text).find(|text| text.contains(&definition));
    Some(fenced.unwrap_or_else(|| prompt.to_owned()))
}
