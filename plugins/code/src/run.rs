//! Runs programs with their limits, and reads what the drivers in `src/python` report.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use gavel_plugin::interpreter::{self, Ending, Outcome, Program};
use gavel_plugin::{Error, excerpt};
use serde_json::value::RawValue;

use crate::options::{Language, Options};

/// Runs the programs of one submission and counts them.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    pub(crate) options: &'a Options,
    /// How many programs ran.
    pub(crate) runs: u32,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(options: &'a Options) -> Self {
        Self { options, runs: 0 }
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    ///
    /// When the host runs no such programs, or no more of them.
    pub(crate) fn run(&mut self, source: String, stdin: Vec<u8>) -> Result<Outcome, Error> {
        let language = match self.options.language {
            Language::Python => "python",
            Language::Javascript => "javascript",
        };
        let (fuel, memory) = (self.options.fuel, self.options.memory);
        let outcome =
            interpreter::run(&Program { language: language.to_owned(), source, stdin, fuel, memory });
        match (&outcome.ending, self.runs) {
            (Ending::Unavailable(reason), 0) => Err(Error::Internal(format!(
                "no program ran: {reason}; grant it in the reward file with `grant = [\"interpreter\"]`, and see that \
                 the interpreter `{language}` is installed"
            ))),
            (Ending::Unavailable(reason), runs) => {
                Err(Error::Abstain(format!("after {runs} runs no further program ran: {reason}")))
            }
            _ => {
                self.runs += 1;
                Ok(outcome)
            }
        }
    }
}

/// A word that marks the records of one run among whatever else is printed.
pub(crate) fn nonce() -> String {
    format!("gavel-{:016x}", RandomState::new().hash_one(0))
}

/// The records of a run by their number; of several with the same number, the first.
pub(crate) fn records<'a>(stdout: &'a [u8], nonce: &str) -> BTreeMap<usize, &'a RawValue> {
    let mut records = BTreeMap::new();
    for line in stdout.split(|&byte| byte == b'\n') {
        let Some(rest) = line.strip_prefix(nonce.as_bytes()).and_then(|rest| std::str::from_utf8(rest).ok())
        else {
            continue;
        };
        let record = rest.trim_start().split_once(' ').and_then(|(number, json)| {
            Some((number.parse().ok()?, serde_json::from_str::<&RawValue>(json).ok()?))
        });
        if let Some((number, json)) = record {
            records.entry(number).or_insert(json);
        }
    }
    records
}

/// Whether a limit cut the run.
pub(crate) fn is_limit(ending: &Ending) -> bool {
    matches!(
        ending,
        Ending::OutOfFuel
            | Ending::Deadline
            | Ending::OutOfMemory
            | Ending::OutputTooLarge
            | Ending::Trapped(_)
    )
}

/// What became of a run, for people.
pub(crate) fn told(outcome: &Outcome) -> String {
    match &outcome.ending {
        Ending::Exited(code) => format!("exited with code {code}"),
        Ending::Raised => match last_line(&outcome.stderr) {
            Some(line) => format!("raised {}", excerpt(&line)),
            None => "raised an error".to_owned(),
        },
        Ending::OutOfFuel => "ran out of fuel".to_owned(),
        Ending::Deadline => "ran past its deadline".to_owned(),
        Ending::OutOfMemory => "ran out of memory".to_owned(),
        Ending::OutputTooLarge => "printed too much".to_owned(),
        Ending::Trapped(how) => format!("trapped: {}", excerpt(how)),
        Ending::Unavailable(why) => format!("did not run: {}", excerpt(why)),
    }
}

fn last_line(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    // JavaScript prints where an error came from below it.
    let telling = |line: &&str| !line.is_empty() && !line.starts_with("at ");
    text.lines().rev().map(str::trim).find(telling).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_among_other_output() {
        let stdout = b"noise gavel-1 0 1\ngavel-1 0 {\"value\": null}\ngavel-2 1 true\n\xff\ngavel-1 2 [1]\ngavel-1 2 [2]";
        let records = records(stdout, "gavel-1");
        let found: Vec<_> = records.iter().map(|(&number, json)| (number, json.get())).collect();
        assert_eq!(found, [(0, "{\"value\": null}"), (2, "[1]")]);
    }
}
