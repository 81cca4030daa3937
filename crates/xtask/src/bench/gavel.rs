//! `gavel score` on a set, one worker thread, and what came of each pair.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::{Pair, Set};
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

    /// Judges each pair once, those with the same options together.
    fn pass(&self, set: &Set) -> Result<Vec<Judged>> {
        let mut by_options: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, pair) in set.pairs.iter().enumerate() {
            by_options.entry(&pair.options).or_default().push(index);
        }
        let mut judged: BTreeMap<usize, Judged> = BTreeMap::new();
        for (options, indices) in by_options {
            let pairs = indices.iter().map(|&index| &set.pairs[index]);
            judged.extend(indices.iter().copied().zip(self.score(options, pairs)?));
        }
        Ok(judged.into_values().collect())
    }

    fn score<'p>(&self, options: &str, pairs: impl Iterator<Item = &'p Pair>) -> Result<Vec<Judged>> {
        let [reward, input, output] =
            ["reward.toml", "in.jsonl", "out.jsonl"].map(|name| self.folder.join(name));
        let grant = if self.plugin == "code" { "grant = ['interpreter']\n" } else { "" };
        let plugin = self.plugin;
        fs::write(
            &reward,
            format!("[verifiers.it]\nplugin = '{plugin}'\n{grant}options = {{ {options} }}\n"),
        )?;
        let rows = pairs.map(|pair| {
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
