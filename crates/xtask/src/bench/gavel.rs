//! `gavel score` on a set, one worker thread, and what came of each pair.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::Set;
use crate::shell;

/// How often each set is judged; the fastest time of each pair counts, since noise only adds.
const PASSES: usize = 3;

/// The `gavel` binary with one plugin.
pub struct Gavel<'a> {
    root: &'a Path,
    plugin: &'static str,
    folder: PathBuf,
}

/// What became of one pair.
#[derive(Clone)]
pub struct Judged {
    /// `None` where there is no verdict.
    pub right: Option<bool>,
    pub status: String,
    pub reason: String,
    pub fuel: u64,
    pub seconds: f64,
}

impl<'a> Gavel<'a> {
    pub fn new(root: &'a Path, plugin: &'static str) -> Result<Self> {
        let folder = root.join("target/bench");
        fs::create_dir_all(&folder)?;
        Ok(Self { root, plugin, folder })
    }

    pub fn judge(&self, set: &Set) -> Result<Vec<Judged>> {
        let mut best: Vec<Judged> = self.pass(set)?;
        for _ in 1..PASSES {
            for (best, again) in best.iter_mut().zip(self.pass(set)?) {
                best.seconds = best.seconds.min(again.seconds);
            }
        }
        Ok(best)
    }

    fn pass(&self, set: &Set) -> Result<Vec<Judged>> {
        let [reward, input, output] =
            ["reward.toml", "in.jsonl", "out.jsonl"].map(|name| self.folder.join(name));
        fs::write(&reward, self.reward_file(set))?;
        let rows = set.pairs.iter().map(|pair| {
            let mut row = json!({"prompt": pair.prompt, "completion": pair.pred, "reference": pair.gold});
            row.as_object_mut().expect("it is one").extend(pair.columns.clone());
            format!("{row}\n")
        });
        fs::write(&input, rows.collect::<String>())?;
        let mut score = shell::command(self.root, self.root.join("target/release/gavel"));
        score.args(["score", "-q", "--jobs", "1", "--plugin-path", "plugins/interpreters", "--reward"]);
        shell::run(score.arg(&reward).arg(&input).arg("--output").arg(&output))?;
        let scored = fs::read_to_string(&output)?;
        scored.lines().map(|line| self.judged(line)).collect()
    }

    fn reward_file(&self, set: &Set) -> String {
        let plugin = self.plugin;
        let options: Vec<String> =
            set.options.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let grant = if plugin == "code" { "grant = ['interpreter']\n" } else { "" };
        format!("[verifiers.it]\nplugin = '{plugin}'\n{grant}options = {{ {} }}\n", options.join(", "))
    }

    fn judged(&self, line: &str) -> Result<Judged> {
        let row: Map<String, Value> = serde_json::from_str(line)?;
        let outcome = &row["outcomes"]["it"];
        Ok(Judged {
            right: outcome["reward"].as_f64().map(|reward| reward == 1.0),
            status: outcome["status"].as_str().unwrap_or_default().to_owned(),
            reason: outcome["reason"].as_str().unwrap_or_default().to_owned(),
            fuel: outcome["fuel"].as_u64().unwrap_or_default(),
            seconds: outcome["ms"].as_f64().context("an outcome says how long it took")? / 1e3,
        })
    }
}
