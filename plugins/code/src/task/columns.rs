//! The columns of well-known data sets, as they are.

use gavel_plugin::Error;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{AssertTests, FunctionCase, Object, Raw, StdinCase, Tests, asserts, prefix_of, with_check};
use crate::hidden::Hidden;
use crate::knowledge::Argument;
use crate::options::Dataset;

/// Tries each data set's columns, first among the columns, then in a reference that is JSON.
pub(super) fn from_columns(
    columns: &Object,
    reference: &str,
    datasets: &[Dataset],
) -> Result<Option<Tests>, Error> {
    let reference = serde_json::from_str::<Raw>(reference).ok();
    for object in [Some(columns.clone()), reference.as_deref().and_then(object)].into_iter().flatten() {
        for dataset in datasets {
            if let Some(tests) = columns_of(&object, *dataset)? {
                return Ok(Some(tests));
            }
        }
        // Data sets wrap their tests in a column of JSON, or of JSON in a string.
        for name in
            ["verification_info", "verifier_metadata", "reward_model", "ground_truth", "unit_tests", "labels"]
        {
            let inner = object.get(name).map(|raw| unwrapped(raw));
            if let Some(inner) = inner.filter(|inner| matches!(inner.get().as_bytes()[0], b'{' | b'[')) {
                let tests = from_columns(&Object::new(), inner.get(), datasets)?;
                if tests.is_some() {
                    return Ok(tests);
                }
            }
        }
    }
    match reference {
        Some(list) if list.get().starts_with('[') => listed(&list, None),
        _ => Ok(None),
    }
}

fn columns_of(object: &Object, dataset: Dataset) -> Result<Option<Tests>, Error> {
    match dataset {
        Dataset::Humaneval => humaneval(object),
        Dataset::Mbpp => mbpp(object),
        Dataset::Apps => apps(object),
        Dataset::Livecodebench => livecodebench(object),
        Dataset::SandboxFusion => sandbox_fusion(object),
        Dataset::Auto | Dataset::Reference => Ok(None),
    }
}

/// `test` defines `check(candidate)`; `entry_point` is what to check.
fn humaneval(object: &Object) -> Result<Option<Tests>, Error> {
    let (Some(test), Some(entry_point)) = (text(object, "test"), text(object, "entry_point")) else {
        return Ok(None);
    };
    let source = with_check(test, &entry_point);
    Ok(Some(Tests::Assert(AssertTests { source, entry_point: Some(entry_point), ..AssertTests::default() })))
}

/// `test_list` holds assertions; `test_imports` and `test_setup_code` come before them.
fn mbpp(object: &Object) -> Result<Option<Tests>, Error> {
    let Some(list) = object.get("test_list").or_else(|| object.get("assert_case")) else { return Ok(None) };
    let list: Vec<String> = read("test_list", &unwrapped(list))?;
    let imports: Vec<String> = match object.get("test_imports") {
        Some(imports) => read("test_imports", &unwrapped(imports))?,
        None => Vec::new(),
    };
    let setup = text(object, "test_setup_code").unwrap_or_default();
    let lines: Vec<String> = imports.into_iter().chain([setup]).chain(list).collect();
    let entry_point = text(object, "entry_point");
    Ok(Some(Tests::Assert(AssertTests { source: lines.join("\n"), entry_point, ..AssertTests::default() })))
}

/// `inputs` and `outputs` side by side, with `fn_name` where a function is called; APPS, TACO, and verl's form.
fn apps(object: &Object) -> Result<Option<Tests>, Error> {
    if let Some(inner) = object.get("input_output").or_else(|| object.get("test_cases")) {
        let inner = unwrapped(inner);
        return match self::object(&inner) {
            Some(inner) => apps(&inner),
            None => listed(&inner, None),
        };
    }
    if let (Some(inputs), Some(outputs)) = (object.get("inputs"), object.get("outputs")) {
        let name = text(object, "fn_name").or_else(|| text(object, "func_name"));
        return pairs(inputs, outputs, name).map(Some);
    }
    code_contests(object)
}

/// `public_tests`, `private_tests` and `generated_tests`, each with `input` and `output` side by side.
fn code_contests(object: &Object) -> Result<Option<Tests>, Error> {
    let mut cases = Vec::new();
    for name in ["public_tests", "private_tests", "generated_tests"] {
        let Some(group) = object.get(name).and_then(|raw| self::object(&unwrapped(raw))) else { continue };
        if let (Some(inputs), Some(outputs)) = (group.get("input"), group.get("output"))
            && let Tests::Stdin(more) = pairs(inputs, outputs, None)?
        {
            cases.extend(more);
        }
    }
    Ok(if cases.is_empty() { None } else { Some(Tests::Stdin(cases)) })
}

/// `public_test_cases` and `private_test_cases`, lists of `input`, `output` and `testtype`, often as JSON in a string.
/// Private tests that are compressed are left out.
fn livecodebench(object: &Object) -> Result<Option<Tests>, Error> {
    let Some(public) = object.get("public_test_cases") else { return Ok(None) };
    let mut list: Vec<Raw> = read("public_test_cases", &unwrapped(public))?;
    if let Some(private) = object.get("private_test_cases").map(|raw| unwrapped(raw)) {
        list.extend(serde_json::from_str::<Vec<Raw>>(private.get()).unwrap_or_default());
    }
    let inner = object.get("metadata").and_then(|raw| self::object(&unwrapped(raw)));
    let name = inner.as_ref().and_then(|inner| text(inner, "func_name")).or_else(|| text(object, "fn_name"));
    let list = serde_json::value::to_raw_value(&list).map_err(|error| Error::Internal(error.to_string()))?;
    listed(&list, name)
}

/// `test` (or `tests`) is a list of `{"input": {"stdin"}, "output": {"stdout"}}`, or source that asserts.
fn sandbox_fusion(object: &Object) -> Result<Option<Tests>, Error> {
    let Some(test) = object.get("test").or_else(|| object.get("tests")) else { return Ok(None) };
    let test = unwrapped(test);
    if test.get().starts_with('[') {
        let strings: Option<Vec<String>> = serde_json::from_str(test.get()).ok();
        return match strings {
            Some(lines) => Ok(Some(asserts(lines.join("\n")))),
            None => listed(&test, text(object, "fn_name")),
        };
    }
    let code = match self::object(&test) {
        Some(inner) => text(&inner, "code"),
        None => serde_json::from_str::<String>(test.get()).ok(),
    };
    let Some(code) = code.filter(|code| code.contains("assert")) else { return Ok(None) };
    let labels = object.get("labels").and_then(|raw| self::object(&unwrapped(raw)));
    let entry_point = text(object, "entry_point")
        .or_else(|| labels.as_ref().and_then(|labels| text(labels, "entry_point")));
    let prefix = entry_point.as_deref().and_then(|name| prefix_of(&text(object, "content")?, name));
    let source = match &entry_point {
        Some(name) => with_check(code, name),
        None => code,
    };
    Ok(Some(Tests::Assert(AssertTests { source, entry_point, prefix, ..AssertTests::default() })))
}

/// A list of objects with `input` and `output`, each with what kind of test it is.
fn listed(list: &RawValue, name: Option<String>) -> Result<Option<Tests>, Error> {
    let list: Vec<Object> = read("the list of tests", list)?;
    let (mut inputs, mut outputs, mut fn_name) = (Vec::new(), Vec::new(), name);
    let mut functional = fn_name.is_some();
    for object in list {
        let (Some(input), Some(output)) = (object.get("input"), object.get("output")) else {
            return Err(Error::InvalidTask("a test has no `input` or no `output`".to_owned()));
        };
        let inner = object.get("metadata").and_then(|raw| self::object(raw));
        fn_name = text(&object, "fn_name")
            .or_else(|| inner.as_ref().and_then(|inner| text(inner, "func_name")))
            .or(fn_name);
        let kind = text(&object, "testtype").or_else(|| text(&object, "type"));
        functional = kind.map_or(fn_name.is_some(), |kind| kind.starts_with("func"));
        inputs.push(stream(input, "stdin"));
        outputs.push(stream(output, "stdout"));
    }
    if inputs.is_empty() {
        return Ok(None);
    }
    let raw =
        |list: &[Raw]| serde_json::value::to_raw_value(list).map_err(|e| Error::Internal(e.to_string()));
    pairs(&raw(&inputs)?, &raw(&outputs)?, fn_name.filter(|_| functional)).map(Some)
}

/// SandboxFusion writes `{"stdin": "…"}` where others write the text itself.
fn stream(raw: &Raw, name: &str) -> Raw {
    object(raw).and_then(|inner| inner.get(name).cloned()).unwrap_or_else(|| raw.clone())
}

fn pairs(inputs: &RawValue, outputs: &RawValue, name: Option<String>) -> Result<Tests, Error> {
    let inputs: Vec<Raw> = read("inputs", &unwrapped(inputs))?;
    let outputs: Vec<Raw> = read("outputs", &unwrapped(outputs))?;
    if inputs.len() != outputs.len() {
        return Err(Error::InvalidTask(format!("{} inputs but {} outputs", inputs.len(), outputs.len())));
    }
    let pairs = inputs.into_iter().zip(outputs);
    match name {
        Some(name) => pairs
            .map(|(input, output)| function_case(&name, &input, output))
            .collect::<Result<_, _>>()
            .map(Tests::Function),
        None => pairs
            .map(|(input, output)| {
                Ok(StdinCase {
                    input: lines("inputs", &input)?,
                    output: Hidden::new(lines("outputs", &output)?),
                })
            })
            .collect::<Result<_, Error>>()
            .map(Tests::Stdin),
    }
}

/// A text, or a list of its lines.
fn lines(field: &str, raw: &RawValue) -> Result<String, Error> {
    match serde_json::from_str::<Vec<String>>(raw.get()) {
        Ok(lines) => Ok(lines.join("\n")),
        Err(_) => read(field, raw),
    }
}

/// A list of arguments (APPS), or a text with one argument in JSON on each line (LiveCodeBench).
fn function_case(name: &str, input: &RawValue, output: Raw) -> Result<FunctionCase, Error> {
    let name = name.to_owned();
    if let Ok(text) = serde_json::from_str::<String>(input.get()) {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let args: Result<_, serde_json::Error> =
            lines.map(|line| serde_json::from_str(line).map(Argument::input)).collect();
        let args =
            args.map_err(|error| Error::InvalidTask(format!("inputs: an argument is not JSON: {error}")))?;
        return Ok(FunctionCase { name, args, expected: Hidden::new(unwrapped(&output)), wrapped: false });
    }
    let args: Vec<Raw> = serde_json::from_str(input.get()).unwrap_or_else(|_| vec![input.to_owned()]);
    let args = args.into_iter().map(Argument::input).collect();
    Ok(FunctionCase { name, args, expected: Hidden::new(output), wrapped: true })
}

fn object(raw: &RawValue) -> Option<Object> {
    serde_json::from_str(raw.get()).ok()
}

fn text(object: &Object, name: &str) -> Option<String> {
    object.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok())
}

/// JSON that stands in a string, or else what is there.
fn unwrapped(raw: &RawValue) -> Raw {
    let text = serde_json::from_str::<String>(raw.get()).ok();
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_else(|| raw.to_owned())
}

fn read<T: DeserializeOwned>(field: &str, raw: &RawValue) -> Result<T, Error> {
    serde_json::from_str(raw.get()).map_err(|error| Error::InvalidTask(format!("{field}: {error}")))
}
