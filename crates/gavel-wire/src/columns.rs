//! Which columns of a row hold the parts of a submission, and the presets for rows as others write them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which columns hold the parts of a submission. A name with dots that no column has leads into objects:
/// `reward_model.ground_truth`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// The prompt's.
    pub prompt: Names,
    /// The completion's.
    pub completion: Names,
    /// The reference's.
    pub reference: Names,
    /// The column whose entries are spread out among the metadata, where it is an object.
    pub metadata: Names,
    /// The column that is the same in all completions of one prompt, and in no others. Where no row has one, completions
    /// of the same prompt with the same reference are one group.
    #[serde(default = "group_names")]
    pub group: Names,
    /// Columns that are no part of the metadata.
    pub leave_out: Vec<String>,
}

fn group_names() -> Names {
    Names(["group", "prompt_id"].map(str::to_owned).to_vec())
}

/// The names that a column may have, at least one; the first that is there counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Names(Vec<String>);

impl Names {
    /// The names, in the order in which they are looked for; `None` where there is none, or one that is empty.
    pub fn new(names: Vec<String>) -> Option<Self> {
        (!names.is_empty() && names.iter().all(|name| !name.is_empty())).then_some(Self(names))
    }

    /// The name that is looked for first.
    pub fn first(&self) -> &str {
        &self.0[0]
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl TryFrom<Vec<String>> for Names {
    type Error = &'static str;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        Self::new(names).ok_or("a part of a submission has at least one column, and each has a name")
    }
}

impl From<&str> for Names {
    fn from(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }
}

impl From<String> for Names {
    fn from(name: String) -> Self {
        Self(vec![name])
    }
}

/// As an error says them.
impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("` or `"))
    }
}

impl Default for Columns {
    /// `prompt`, `completion`, `reference` and `metadata`; groups by `group` or `prompt_id`.
    fn default() -> Self {
        let [prompt, completion, reference] = Part::ALL.map(|part| Names::from(part.name()));
        let (metadata, group, leave_out) = ("metadata".into(), group_names(), Vec::new());
        Self { prompt, completion, reference, metadata, group, leave_out }
    }
}

impl Columns {
    /// The columns of a part.
    pub fn of(&self, part: Part) -> &Names {
        match part {
            Part::Prompt => &self.prompt,
            Part::Completion => &self.completion,
            Part::Reference => &self.reference,
        }
    }

    /// The columns of rows as others write them.
    pub fn of_preset(preset: Preset) -> Self {
        let names = |names: &[&str]| Names(names.iter().map(|name| (*name).to_owned()).collect());
        let (prompt, completion, reference, metadata, leave_out): (_, _, _, _, &[&str]) = match preset {
            // `trl/rewards/accuracy_rewards.py`: the ground truth is the column `solution`; the documents' own examples
            // of reward functions call it `ground_truth` and `answer`.
            Preset::Trl => {
                let references = names(&["solution", "ground_truth", "answer"]);
                (
                    names(&["prompt"]),
                    names(&["completion", "completions"]),
                    references,
                    "metadata".into(),
                    &[],
                )
            }
            // `examples/data_preprocess/*.py` writes rows, `compute_score` takes `solution_str` and `ground_truth`, and
            // `trainer.rollout_data_dir` gets `input`, `output` and `gts`.
            Preset::Verl => (
                names(&["prompt", "input"]),
                names(&["completion", "solution_str", "output", "response"]),
                names(&["reward_model.ground_truth", "ground_truth", "gts"]),
                "extra_info".into(),
                &[],
            ),
            // `--data.input_key` is `input`, and files of samples have `output`.
            Preset::Openrlhf => (
                names(&["input", "prompt"]),
                names(&["output", "completion", "response"]),
                names(&["label", "answer"]),
                "metadata".into(),
                &[],
            ),
            Preset::NemoGym => (
                names(&["responses_create_params.input"]),
                names(&["response.output"]),
                names(&["expected_answer", "answer"]),
                names(&["verifier_metadata", "metadata"]),
                &["responses_create_params", "response"],
            ),
            // `Rubric`'s functions take `prompt`, `completion`, `answer` and `info`, and results are written so.
            Preset::Verifiers => {
                (names(&["prompt"]), names(&["completion"]), names(&["answer"]), "info".into(), &[])
            }
        };
        let leave_out = leave_out.iter().map(|name| (*name).to_owned()).collect();
        // verl gives the completions of a prompt one `uid`, and its rollouts are dumped with it.
        let group = match preset {
            Preset::Verl => names(&["uid", "group", "prompt_id"]),
            _ => group_names(),
        };
        Self { prompt, completion, reference, metadata, group, leave_out }
    }
}

/// Whose rows they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// TRL's data sets and logged completions.
    Trl,
    /// verl's data sets, the arguments of `compute_score`, and dumped rollouts.
    Verl,
    /// OpenRLHF's data sets and files of samples.
    Openrlhf,
    /// Rows of NeMo Gym's data sets and rollouts.
    NemoGym,
    /// Prime Intellect's verifiers.
    Verifiers,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Trl, Self::Verl, Self::Openrlhf, Self::NemoGym, Self::Verifiers];

    /// What a reward file calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trl => "trl",
            Self::Verl => "verl",
            Self::Openrlhf => "openrlhf",
            Self::NemoGym => "nemo-gym",
            Self::Verifiers => "verifiers",
        }
    }

    /// The preset with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.name() == name)
    }
}

/// A part of a submission that is a column of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What the policy was asked.
    Prompt,
    /// What it wrote.
    Completion,
    /// The ground truth.
    Reference,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Prompt, Self::Completion, Self::Reference];

    /// What its column is called where nobody says otherwise.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Completion => "completion",
            Self::Reference => "reference",
        }
    }

    /// Who writes it, where it is a chat.
    pub fn role(self) -> &'static str {
        match self {
            Self::Prompt => "user",
            Self::Completion | Self::Reference => "assistant",
        }
    }
}
