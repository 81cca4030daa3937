//! Why a reward cannot be loaded: each error names the file, the line and the field.

use std::io;
use std::path::PathBuf;

use evalexpr::EvalexprError;
use gavel_files::did_you_mean;
use gavel_host::{HostError, LoadError};
use gavel_judge::JudgeError;
use gavel_plugins::PluginError;
use gavel_plugins::toml_file::{Place, TomlError};
use gavel_verify::visible_name;

/// Why a reward file, a manifest or a plugin cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RewardError {
    /// The reward file cannot be read, or says what it may not.
    #[error(transparent)]
    Toml(#[from] TomlError),
    /// A plugin cannot be found, read, or used as it lies there.
    #[error(transparent)]
    Plugins(#[from] PluginError),
    /// A plugin cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A verifier has a name that a formula could not use.
    #[error(
        "{place}: `{field}`: a verifier's name starts with a letter or `_`, goes on with letters, digits and `_` \
         (all lower case), and is no number or truth value{}",
        did_you_mean(suggestion.as_deref())
    )]
    VerifierName {
        /// Where.
        place: Place,
        /// The dotted name.
        field: String,
        /// The same name made fit.
        suggestion: Option<String>,
    },
    /// The file names no verifier.
    #[error("{place}: `verifiers` is empty: name at least one, as `[verifiers.NAME]`")]
    NoVerifiers {
        /// Where.
        place: Place,
    },
    /// The file says in two ways what the reward is.
    #[error(
        "{place}: `reward.formula` and `reward.components` both say what the reward is: keep one of them"
    )]
    TwoRewards {
        /// Where the components stand.
        place: Place,
    },
    /// A component has a name that metrics could not be called after.
    #[error(
        "{place}: `{field}`: a component's name starts with a letter or `_`, goes on with letters, digits and `_` (all \
         lower case), and is no number or truth value{}",
        did_you_mean(suggestion.as_deref())
    )]
    ComponentName {
        /// Where.
        place: Place,
        /// The dotted name.
        field: String,
        /// The same name made fit.
        suggestion: Option<String>,
    },
    /// The formula is wrong.
    #[error("{place}: `{field}`")]
    Formula {
        /// Where.
        place: Place,
        /// The dotted name.
        field: String,
        /// What is wrong.
        source: Box<FormulaError>,
    },
    /// A formula that stands in no file is wrong.
    #[error("the formula is wrong")]
    Expression(#[source] FormulaError),
    /// A verifier's plugin cannot be found, its manifest is wrong, or it lacks what it needs to run programs.
    #[error("{place}: `{field}`")]
    Lookup {
        /// Where the plugin is named.
        place: Place,
        /// The dotted name.
        field: String,
        /// What is wrong.
        source: Box<RewardError>,
    },
    /// The plugin cannot be loaded, or not with these options or limits.
    #[error("{place}: `{field}`")]
    Plugin {
        /// Where.
        place: Place,
        /// The dotted name: of the plugin, its options or its limits.
        field: String,
        /// What is wrong.
        source: Box<LoadError>,
    },
    /// A verifier is a function, and the program that loads the file has none for it.
    #[error(
        "{place}: `verifiers.{name}` is a function of the program that loads this file, and this one has none of that name; \
         in Python it is `Reward(..., functions={{\"{name}\": it}})`"
    )]
    NoFunction {
        /// Where.
        place: Place,
        /// The verifier.
        name: String,
    },
    /// The program has a function that no verifier of the file is.
    #[error("{}: no verifier `{name}` says `function = true`, and there is a function of that name", path.display())]
    NotAFunction {
        /// The file.
        path: PathBuf,
        /// The function.
        name: String,
    },
    /// A verifier that is a function or a judge has a setting that means something for plugins alone.
    #[error("{place}: `{field}` is for plugins, and this verifier is {other}")]
    OfPlugins {
        /// Where.
        place: Place,
        /// The dotted name.
        field: String,
        /// What it is.
        other: &'static str,
    },
    /// A verifier's table has a field that it does not have, and that is probably one of the tables within it.
    #[error(
        "{place}: unknown field `{field}`; {belongs} of the plugin stands in `{table}`: `{table} = {{ {name} = … }}`"
    )]
    Within {
        /// Where.
        place: Place,
        /// The dotted name.
        field: String,
        /// Its last part.
        name: String,
        /// What it is.
        belongs: &'static str,
        /// The table that has it.
        table: &'static str,
    },
    /// A judge has its template in two places.
    #[error("{place}: `{field}` and `template` both say what the judge is asked: keep one of them")]
    TwoTemplates {
        /// Where.
        place: Place,
        /// The dotted name.
        field: String,
    },
    /// A judge asks an endpoint, and the operator has not granted that.
    #[error(
        "{place}: `{field}`: this judge sends submissions to {}, which has not been granted: if they may go there, add \
         `grant = [\"endpoint\"]` to its table",
        visible_name(endpoint, 200)
    )]
    EndpointNotGranted {
        /// Where.
        place: Place,
        /// The dotted name.
        field: String,
        /// The address.
        endpoint: String,
    },
    /// The variable that holds a judge's key is not set, or holds no key.
    #[error(
        "{place}: `{field}`: the environment variable {} is not set, or holds what is no key: it is what the endpoint is shown",
        visible_name(variable, 200)
    )]
    NoKey {
        /// Where.
        place: Place,
        /// The dotted name.
        field: String,
        /// The variable.
        variable: String,
    },
    /// There can be no such judge.
    #[error("{place}: `{field}`")]
    Judge {
        /// Where.
        place: Place,
        /// The dotted name.
        field: String,
        /// What is wrong.
        source: Box<JudgeError>,
    },
    /// The plugin runs programs, and its manifest does not say with which interpreters.
    #[error(
        "{plugin} runs programs, which its manifest does not ask for: a `gavel.toml` in its folder must say \
         `interpreter = [\"LANGUAGE\"]` in `[capabilities]`"
    )]
    NotAsked {
        /// The plugin.
        plugin: String,
    },
    /// The plugin asks to run programs, and the operator has not granted that.
    #[error(
        "{plugin} asks to run programs ({}), which has not been granted: if you trust it with that, add \
         `grant = [\"interpreter\"]` to its table in the reward file, or `--grant interpreter` to `gavel plugin` and beside `--plugin`",
        languages.iter().map(|name| visible_name(name, 200)).collect::<Vec<_>>().join(", ")
    )]
    NotGranted {
        /// The plugin.
        plugin: String,
        /// The languages it asks for.
        languages: Vec<String>,
    },
    /// An interpreter cannot be loaded.
    #[error("cannot load the interpreter for `{}`", visible_name(language, 200))]
    Interpreter {
        /// The language that the plugin asks for.
        language: String,
        /// What is wrong.
        source: Box<LoadError>,
    },
    /// An interpreter runs another language than its file's name says.
    #[error("{} is an interpreter for `{}`, not for `{wanted}`", file.display(), visible_name(found, 200))]
    OtherLanguage {
        /// The interpreter.
        file: PathBuf,
        /// The language that it says it runs.
        found: String,
        /// The language that the plugin asks for.
        wanted: String,
    },
    /// The host cannot start.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A worker thread cannot be started.
    #[error("cannot start a worker thread")]
    Thread(#[source] io::Error),
}

/// What is wrong with a formula.
#[derive(Debug, thiserror::Error)]
pub enum FormulaError {
    /// It is not an expression.
    #[error("not an expression: {}", explain(.0))]
    Syntax(EvalexprError),
    /// It says something as another language does.
    #[error("there is no `{found}`; write `{instead}`")]
    Foreign {
        /// What it has.
        found: String,
        /// How that is written here.
        instead: String,
    },
    /// No usual value of what it names makes a finite number of it.
    #[error(
        "its value is never a finite number, so that no submission would have a reward: with 1 for every name it is {value}"
    )]
    NeverFinite {
        /// Its value where all that it names is 1.
        value: f64,
    },
    /// It names a verifier that there is not.
    #[error(
        "unknown verifier `{name}`{}; known here: {}{}",
        did_you_mean(suggestion.as_deref()),
        listed(verifiers),
        or_a_column(name, suggestion.as_deref())
    )]
    UnknownVerifier {
        /// The name in the formula.
        name: String,
        /// The names that it may use.
        verifiers: Vec<String>,
        /// A verifier with a similar name.
        suggestion: Option<String>,
    },
    /// It names a metric that the verifier's plugin does not have.
    #[error(
        "unknown metric `{metric}` of `{verifier}`{}; its plugin has {}",
        did_you_mean(suggestion.as_deref()),
        listed(metrics)
    )]
    UnknownMetric {
        /// The verifier.
        verifier: String,
        /// The metric in the formula.
        metric: String,
        /// The metrics that the plugin declares.
        metrics: Vec<String>,
        /// A metric with a similar name.
        suggestion: Option<String>,
    },
    /// It calls a function that gavel does not offer.
    #[error("unknown function `{name}`{}", did_you_mean(suggestion.as_deref()))]
    UnknownFunction {
        /// The name in the formula.
        name: String,
        /// A function with a similar name.
        suggestion: Option<String>,
    },
    /// It calls a function with too many or too few arguments.
    #[error("`{name}` takes {}, found {found}", counted(*expected))]
    Arguments {
        /// The function.
        name: String,
        /// How many arguments it takes; `Err` where that is the least.
        expected: Result<usize, usize>,
        /// How many there are.
        found: usize,
    },
    /// An operator lacks an operand.
    #[error("`{operator}` takes {expected} operands, found {found}")]
    Operands {
        /// The operator.
        operator: String,
        /// How many operands it takes.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// There is a number where a condition belongs.
    #[error("a condition is needed where {found} is; compare it with a number")]
    ConditionNeeded {
        /// What stands there.
        found: String,
    },
    /// There is a condition where a number belongs.
    #[error("a number is needed where {found} is; `if(condition, 1, 0)` makes one of a condition")]
    NumberNeeded {
        /// What stands there.
        found: String,
    },
    /// There is what is neither a number nor a condition.
    #[error("a number or a condition is needed where {found} is")]
    NotAValue {
        /// What stands there.
        found: String,
    },
    /// It is longer than is read.
    #[error("longer than {longest} bytes")]
    TooLong {
        /// The most bytes.
        longest: usize,
    },
    /// It is nested deeper than is computed.
    #[error("nested deeper than {deepest} levels")]
    TooDeep {
        /// The deepest.
        deepest: usize,
    },
    /// A condition compares the completions of a prompt, not all of which are judged when it is asked.
    #[error(
        "functions over a group stand in a formula: a condition is asked before all completions are judged"
    )]
    GroupInCondition,
    /// A text is compared with something else than a column of the task.
    #[error(
        "a text can only be equal to a column of the task, as in `task.data_source == 'gsm8k'`; found {found}"
    )]
    ColumnNeeded {
        /// What stands there.
        found: String,
    },
    /// It names no verifier, so that it would say the same of every submission.
    #[error("it names no verifier; known here: {}", listed(verifiers))]
    Constant {
        /// The names that it may use.
        verifiers: Vec<String>,
    },
    /// Its value is not a number.
    #[error("its value is true or false, not a number; `if(condition, 1, 0)` makes one of a condition")]
    NotANumber,
    /// A condition's value is neither true nor false.
    #[error("its value is a number, not true or false; compare it with a number, as in `accuracy < 1`")]
    NotACondition,
    /// A condition names its own verifier or one further down.
    #[error("`{name}` does not stand above it: a condition looks at verifiers that were asked before")]
    NotAbove {
        /// The verifier that is named.
        name: String,
    },
    /// There is more than one verifier and no formula.
    #[error("there are {count} verifiers: say how they make one number, such as \"{example}\"")]
    Missing {
        /// How many verifiers there are.
        count: usize,
        /// A formula that would do.
        example: String,
    },
}

/// evalexpr's errors in the words of somebody who writes a formula.
fn explain(error: &EvalexprError) -> String {
    use EvalexprError as E;
    match error {
        E::UnmatchedLBrace => "a `(` is not closed".to_owned(),
        E::UnmatchedRBrace => "a `)` was never opened".to_owned(),
        E::MissingOperatorOutsideOfBrace => "an operator is missing before `(` or after `)`".to_owned(),
        E::AppendedToLeafNode => "an operator is missing between two values".to_owned(),
        other => other.to_string().trim_end_matches('.').to_owned(),
    }
}

/// A number of arguments; `Err` where that is the least.
fn counted(arguments: Result<usize, usize>) -> String {
    match arguments {
        Ok(1) => "1 argument".to_owned(),
        Ok(count) => format!("{count} arguments"),
        Err(least) => format!("at least {least}"),
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A name that is like no verifier's may be a column's.
fn or_a_column(name: &str, suggestion: Option<&str>) -> String {
    if suggestion.is_some() { String::new() } else { format!("; a column of the task is `task.{name}`") }
}
