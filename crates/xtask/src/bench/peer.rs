//! The process that judges and runs as people do today; see `bench/peers.py`.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Pair;
use crate::{pip, shell};

/// A Python process that answers line by line.
pub struct Peer {
    child: Child,
    questions: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    pub fn start(root: &Path) -> Result<Self> {
        let mut command = shell::command(root, "python3");
        command.arg("crates/xtask/bench/peers.py").env("PYTHONPATH", pip::math_verify_folder(root));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("could not start python3")?;
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("it was asked for")?).lines();
        Ok(Self { child, questions, answers })
    }

    /// Whether Math-Verify says that they are equal, and the seconds that took.
    pub fn judge(&mut self, pair: &Pair) -> Result<(bool, f64)> {
        let given = |text: &str| if pair.in_dollars { format!("${text}$") } else { text.to_owned() };
        let (gold, pred) = (given(&pair.gold), given(&pair.pred));
        let answer = self.ask(&json!({"gold": gold, "pred": pred, "config": pair.config}))?;
        Ok((answer["verdict"] == true, seconds(&answer)?))
    }

    /// Whether a program ends well, and the seconds that took.
    pub fn run(&mut self, program: &str) -> Result<(bool, f64)> {
        let answer = self.ask(&json!({"program": program}))?;
        Ok((answer["passed"] == true, seconds(&answer)?))
    }

    fn ask(&mut self, question: &Value) -> Result<Value> {
        let questions = self.questions.as_mut().context("it is open until the end")?;
        writeln!(questions, "{question}").context("peers.py does not listen")?;
        let answer = self.answers.next().context("peers.py ended; its error is above")??;
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}

fn seconds(answer: &Value) -> Result<f64> {
    answer["seconds"].as_f64().context("peers.py says how long it took")
}
