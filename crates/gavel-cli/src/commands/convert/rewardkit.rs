//! Harbor's rewardkit: a folder of criteria with a `reward.toml`, as a reward file of gavel's.
//!
//! There, each file of criteria (`checks.py`, a judge in `quality.toml`) and each folder is an input, and `[[reward]]` says
//! how their scores become one. Here each input is a verifier, and the aggregation a formula. What an input does lies in
//! Python or in a judge's words, and is to be made a plugin.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use gavel_files::bounded;
use gavel_plugins::toml_file::{Field, Place, Table};

/// The most bytes of a file that is read.
const LARGEST: u64 = 4 << 20;

/// A reward file, and what of the other is not in it.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) text: String,
    pub(super) notes: Vec<String>,
}

/// What one number is made of.
struct Input {
    /// As rewardkit calls it: the file's stem, or the folder's name.
    name: String,
    /// As a formula can.
    verifier: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Python,
    Judge,
    Folder,
}

/// One `[[reward]]`.
struct Aggregation {
    name: Option<String>,
    kind: String,
    threshold: f64,
    weights: Vec<(String, f64, Place)>,
    place: Place,
}

/// Converts the folder of this `reward.toml`; `wanted` is the reward that is to be gavel's.
pub(super) fn convert(path: &Path, wanted: &str) -> anyhow::Result<Converted> {
    let text =
        bounded::read_text(path, LARGEST).with_context(|| format!("cannot read {}", path.display()))?;
    let mut document = Table::parse(path, &text)?;
    let (rewards, scoring) = (document.take("reward"), document.take("scoring"));
    document.finish()?;
    let mut notes = Vec::new();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let inputs = inputs(folder, &mut notes)?;
    if inputs.is_empty() {
        bail!(
            "{}: there are no criteria beside it: no Python file that registers any, no judge, no folder with either",
            path.display()
        );
    }
    if let Some(scoring) = scoring {
        note_scoring(scoring, &inputs, &mut notes)?;
    }
    let rewards = rewards.map(read_rewards).transpose()?.unwrap_or_default();
    for reward in &rewards {
        reward.check(&inputs)?;
    }
    let (main, others): (Vec<_>, Vec<_>) =
        rewards.iter().partition(|reward| reward.name.as_deref() == Some(wanted));
    let has_folders = inputs.iter().any(|input| input.kind == Kind::Folder);
    let formula = match main.first() {
        Some(reward) => reward.formula(&inputs),
        // Where there are no folders, rewardkit takes the mean where nobody says otherwise.
        None if !has_folders && wanted == "reward" => Aggregation::mean_of_all(path).formula(&inputs),
        None => {
            let names: Vec<_> = rewards.iter().filter_map(|reward| reward.name.as_deref()).collect();
            let there = if names.is_empty() { "none has a name".to_owned() } else { names.join(", ") };
            bail!(
                "{}: no `[[reward]]` is called `{wanted}`, and gavel trains on one number: `--name` says which it is ({there})",
                path.display()
            )
        }
    };
    notes.push("rewardkit rounds a reward to four places; the formula does not".to_owned());
    Ok(Converted { text: written(path, &inputs, &formula, &others)?, notes })
}

/// The files and folders beside a `reward.toml` that have criteria, in rewardkit's order.
fn inputs(folder: &Path, notes: &mut Vec<String>) -> anyhow::Result<Vec<Input>> {
    let mut found: BTreeMap<String, Kind> = BTreeMap::new();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        let end = path.extension().and_then(|end| end.to_str());
        let kind = match end {
            _ if path.is_dir() => has_criteria(&path)?.then_some(Kind::Folder),
            Some("py") => registers_criteria(&path)?.then_some(Kind::Python),
            Some("toml") if path.file_name() != Some("reward.toml".as_ref()) => {
                is_judge(&path, notes)?.then_some(Kind::Judge)
            }
            _ => None,
        };
        let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
        let (Some(kind), Some(name)) = (kind, name.and_then(|name| name.to_str())) else { continue };
        if found.insert(name.to_owned(), kind).is_some() {
            bail!("{}: two inputs are called `{name}`: rename one, as rewardkit asks too", folder.display());
        }
    }
    let input = |(name, kind): (String, Kind)| {
        let verifier = as_verifier(&name);
        match kind {
            Kind::Python => notes.push(format!(
                "{name}.py: its criteria are to be a plugin called `{verifier}`; `gavel docs port-a-python-verifier` shows how"
            )),
            Kind::Folder => notes.push(format!(
                "{name}/: what is in the folder is to be a plugin called `{verifier}`, or a reward file of its own"
            )),
            Kind::Judge => {}
        }
        Input { name, verifier, kind }
    };
    Ok(found.into_iter().map(input).collect())
}

fn has_criteria(folder: &Path) -> anyhow::Result<bool> {
    Ok(!inputs(folder, &mut Vec::new())?.is_empty())
}

/// Whether a Python file registers criteria. One that only defines some for others does not.
fn registers_criteria(path: &Path) -> anyhow::Result<bool> {
    let text =
        bounded::read_text(path, LARGEST).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(["criteria.", "rk.", "@criterion"].iter().any(|mark| text.contains(mark)))
}

/// Whether a file is a judge; then each of its fields is noted, for none of them is converted.
fn is_judge(path: &Path, notes: &mut Vec<String>) -> anyhow::Result<bool> {
    let text =
        bounded::read_text(path, LARGEST).with_context(|| format!("cannot read {}", path.display()))?;
    let document: toml_edit::DocumentMut =
        text.parse().map_err(|error| anyhow!("{}: {error}", path.display()))?;
    let criteria = document.get("criterion").and_then(|item| item.as_array_of_tables());
    if document.get("judge").is_none() && criteria.is_none() {
        return Ok(false);
    }
    let shown = path.file_name().unwrap_or_default().to_string_lossy();
    for (table, item) in document.iter() {
        match (item.as_table(), item.as_array_of_tables()) {
            (Some(fields), _) => {
                let names: Vec<_> = fields.iter().map(|(name, _)| format!("`{table}.{name}`")).collect();
                notes.push(format!("{shown}: {}: a judge is not converted", names.join(", ")));
            }
            (None, Some(tables)) => {
                for (place, fields) in tables.iter().enumerate() {
                    let names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
                    let names = names.join(", ");
                    notes.push(format!("{shown}: `{table}[{place}]` ({names}): a judge is not converted"));
                }
            }
            (None, None) => notes.push(format!("{shown}: `{table}`: a judge is not converted")),
        }
    }
    Ok(true)
}

/// How the criteria of one file become its score is that file's own business.
fn note_scoring(scoring: Field<'_>, inputs: &[Input], notes: &mut Vec<String>) -> anyhow::Result<()> {
    for (name, place, field) in scoring.table()?.into_named() {
        if !inputs.iter().any(|input| input.name == name && input.kind == Kind::Python) {
            bail!("{place}: `scoring.{name}`: there is no {name}.py with criteria beside it");
        }
        let mut table = field.table()?;
        for setting in ["aggregation", "threshold"] {
            if let Some(field) = table.take(setting) {
                notes.push(format!(
                    "{}: `{}`: how the criteria of {name}.py become one is for its plugin to say",
                    field.place(),
                    field.name()
                ));
            }
        }
        table.finish()?;
    }
    Ok(())
}

fn read_rewards(field: Field<'_>) -> anyhow::Result<Vec<Aggregation>> {
    let mut rewards: Vec<Aggregation> = Vec::new();
    for table in field.tables()? {
        let reward = Aggregation::read(table)?;
        if reward.name.is_some() && rewards.iter().any(|other| other.name == reward.name) {
            let name = reward.name.unwrap_or_default();
            bail!("{}: `reward.name`: two are called `{name}`", reward.place);
        }
        rewards.push(reward);
    }
    Ok(rewards)
}

/// What an input is called in a formula.
fn as_verifier(name: &str) -> String {
    let fit = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    let name: String = name.chars().map(fit).collect();
    // `task` is the task, and a number or a truth value is what it says.
    let is_taken = ["task", "true", "false", "nan", "inf", "infinity"].contains(&name.as_str());
    if is_taken || name.starts_with(|first: char| first.is_ascii_digit()) { format!("_{name}") } else { name }
}

impl Aggregation {
    fn read(mut table: Table<'_>) -> anyhow::Result<Self> {
        let place = table.place();
        let name = table.take("name").map(|field| field.string()).transpose()?;
        let (kind, threshold, weights) =
            (table.take("aggregation"), table.take("threshold"), table.take("weights"));
        table.finish()?;
        let kind = match kind {
            None => "weighted-mean".to_owned(),
            Some(field) => {
                let kind = field.string()?.replace('_', "-");
                if !AGGREGATIONS.contains(&kind.as_str()) {
                    return Err(field.unlike(&format!("one of {}", AGGREGATIONS.join(", "))).into());
                }
                kind
            }
        };
        let threshold = match threshold {
            None => 0.5,
            Some(field) => field.number().ok_or_else(|| field.unlike("a finite number"))?,
        };
        let mut read = Vec::new();
        for (name, place, field) in
            weights.map(Field::table).transpose()?.map(Table::into_named).unwrap_or_default()
        {
            let weight = field.number().ok_or_else(|| field.unlike("a finite number"))?;
            if weight < 0.0 && kind != "weighted-sum" {
                return Err(field.unlike("0 or more: only `weighted-sum` takes less").into());
            }
            read.push((name, weight, place));
        }
        Ok(Self { name, kind, threshold, weights: read, place })
    }

    fn mean_of_all(path: &Path) -> Self {
        let place = Place { file: path.to_owned(), line: 1, column: 1 };
        Self { name: None, kind: "weighted-mean".to_owned(), threshold: 0.5, weights: Vec::new(), place }
    }

    /// Requires that its weights are those of inputs, and that a mean divides by something.
    fn check(&self, inputs: &[Input]) -> anyhow::Result<()> {
        for (name, _, place) in &self.weights {
            if !inputs.iter().any(|input| input.name == *name) {
                let known: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
                bail!(
                    "{place}: `reward.weights.{name}`: there is no such input; there are {}",
                    known.join(", ")
                );
            }
        }
        let total: f64 = inputs.iter().map(|input| self.weight(input)).sum();
        if total == 0.0 && ["weighted-mean", "threshold"].contains(&self.kind.as_str()) {
            bail!("{}: `reward.weights`: all weights are 0, and a mean divides by their sum", self.place);
        }
        Ok(())
    }

    fn weight(&self, input: &Input) -> f64 {
        self.weights.iter().find(|(name, ..)| *name == input.name).map_or(1.0, |&(_, weight, _)| weight)
    }

    /// As a formula over the inputs' verifiers.
    fn formula(&self, inputs: &[Input]) -> String {
        let passes = |by: &str| {
            let each: Vec<_> = inputs.iter().map(|input| format!("{} >= 1", input.verifier)).collect();
            format!("if({}, 1, 0)", each.join(by))
        };
        match self.kind.as_str() {
            // No input of a reward is optional, so all of them are required.
            "all-pass" | "required-pass" => passes(" && "),
            "any-pass" => passes(" || "),
            "weighted-sum" => self.sum(inputs),
            "threshold" => format!("if({} >= {}, 1, 0)", self.mean(inputs), self.threshold),
            _ => self.mean(inputs),
        }
    }

    fn sum(&self, inputs: &[Input]) -> String {
        let mut sum = String::new();
        for input in inputs {
            let weight = self.weight(input);
            let sign = if weight < 0.0 { "-" } else { "+" };
            let _ = match (sum.is_empty(), weight < 0.0) {
                (true, false) => Ok(()),
                (true, true) => sum.write_str("-"),
                (false, _) => write!(sum, " {sign} "),
            };
            let _ = match weight.abs() {
                1.0 => write!(sum, "{}", input.verifier),
                weight => write!(sum, "{weight} * {}", input.verifier),
            };
        }
        sum
    }

    fn mean(&self, inputs: &[Input]) -> String {
        let [first, rest @ ..] = inputs else { return String::new() };
        let alike = rest.iter().all(|input| self.weight(input) == self.weight(first));
        if alike {
            let names: Vec<_> = inputs.iter().map(|input| input.verifier.as_str()).collect();
            return if rest.is_empty() { names.concat() } else { format!("mean({})", names.join(", ")) };
        }
        let total: f64 = inputs.iter().map(|input| self.weight(input)).sum();
        format!("({}) / {total}", self.sum(inputs))
    }
}

/// Every aggregation that rewardkit knows.
const AGGREGATIONS: [&str; 6] =
    ["weighted-mean", "weighted-sum", "all-pass", "any-pass", "threshold", "required-pass"];

/// The reward file's text.
fn written(path: &Path, inputs: &[Input], formula: &str, others: &[&Aggregation]) -> anyhow::Result<String> {
    let mut text = format!("# Converted from {}.\n", path.display());
    for (place, Input { name, verifier, kind }) in inputs.iter().enumerate() {
        if inputs[..place].iter().any(|other| other.verifier == *verifier) {
            bail!("{}: two inputs are called `{verifier}` in a formula: rename {name}", path.display());
        }
        let what = match kind {
            Kind::Python => format!("the criteria of {name}.py"),
            Kind::Judge => format!("the judge of {name}.toml"),
            Kind::Folder => format!("what is in {name}/"),
        };
        write!(
            text,
            "\n# {what}, as a plugin\n[verifiers.{verifier}]\nplugin     = \"{verifier}\"\non_failure = 0  # as rewardkit has it\n"
        )?;
    }
    if others.is_empty() {
        write!(text, "\n[reward]\nformula = \"{formula}\"\n")?;
        return Ok(text);
    }
    write!(text, "\n[reward.components]\nreward = \"{formula}\"\n")?;
    for other in others {
        let name =
            other.name.as_deref().map(as_verifier).with_context(|| {
                format!("{}: `reward.name` is missing, where there are several", other.place)
            })?;
        writeln!(text, "{name} = {{ formula = \"{}\", weight = 0 }}", other.formula(inputs))?;
    }
    Ok(text)
}
