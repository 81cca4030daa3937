//! The record of a run of `gavel score`: what judged its lines, so that the same numbers can be had again.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::{Columns, VersionForm};

/// What judged a run's lines, and how many there were. It is the same for the same run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreRecord {
    /// The version of gavel.
    pub gavel: String,
    /// The engine that ran the plugins.
    pub engine: String,
    /// What the input is called.
    pub input: String,
    /// The slice of the input that was scored, as `2/4`; all of it where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Whether each outcome has the time that it took.
    #[serde(default = "yes")]
    pub timing: bool,
    /// Whether a line that is no submission has a line in the output.
    #[serde(default)]
    pub answers_bad_lines: bool,
    /// Whether judges judged by the answers that the input holds, and no endpoint was asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replays: bool,
    /// What judged, with the first line that it judged; more than one only with `--watch`.
    pub judged_by: Vec<JudgedBy>,
    /// Lines that were scored; `None` until the end.
    pub submissions: Option<u64>,
    /// Those of them that have a reward.
    pub with_reward: Option<u64>,
    /// Lines that are no submissions.
    pub bad_lines: Option<u64>,
}

/// What judged from a line on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgedBy {
    /// The first line of the input that it judged.
    pub from_line: u64,
    /// The first line of the output that it judged.
    #[serde(default = "one")]
    pub from_row: u64,
    /// `sha256:` and the digest of the reward file, and of every manifest that had a say.
    pub files: IndexMap<String, String>,
    /// The same of every plugin by its verifier's name, and of its interpreters as `VERIFIER/LANGUAGE`.
    pub plugins: IndexMap<String, String>,
    /// Which columns of a row were the parts of a submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
    /// Everything else that the scores depend on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionForm>,
}

fn yes() -> bool {
    true
}

fn one() -> u64 {
    1
}

impl ScoreRecord {
    /// What judged a line of the output.
    pub fn judge_of(&self, row: u64) -> Option<&JudgedBy> {
        self.judged_by.iter().rev().find(|judges| judges.from_row <= row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_say_less_are_read() {
        let old = r#"{"gavel": "0.1.0", "engine": "wasmtime 1", "input": "in.jsonl",
            "judged_by": [{"from_line": 1, "files": {}, "plugins": {"a": "sha256:ab"}}],
            "submissions": 1, "with_reward": 1, "bad_lines": 0}"#;
        let record: ScoreRecord = serde_json::from_str(old).unwrap();
        let judges = record.judge_of(1).unwrap();
        assert!(judges.version.is_none() && judges.columns.is_none());
        assert!(record.timing && !record.answers_bad_lines);
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<ScoreRecord>(&text).unwrap(), record);
    }

    #[test]
    fn columns_are_read_as_they_were_written() {
        let columns = Columns::of_preset(crate::Preset::NemoGym);
        let text = serde_json::to_string(&columns).unwrap();
        assert!(text.contains(r#""prompt":["responses_create_params.input"]"#), "{text}");
        assert_eq!(serde_json::from_str::<Columns>(&text).unwrap(), columns);
        assert!(
            serde_json::from_str::<Columns>(&text.replace(r#"["responses_create_params.input"]"#, "[]"))
                .is_err()
        );
    }
}
