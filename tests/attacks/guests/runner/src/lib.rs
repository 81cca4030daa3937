//! A code verifier that runs programs and says how they ended: one that tests can read like a list.
//!
//! A completion is lines of settings, then an empty line, then programs with a line `---` between them. The reason
//! is a line for each program: its ending, `stdout=` and `stderr=`. The reward is the number of programs that exited
//! with 0.

use std::hint::black_box;

use exports::gavel::verifier::verifier::{Description, ErrorCode, Guest, Submission, Verdict};
use gavel::verifier::interpreter::{Ending, Outcome, Program, run};

wit_bindgen::generate!({ path: "../../../../sdk/wit", world: "code-plugin" });

struct Runner;

export!(Runner);

/// What the lines before the programs say.
struct Settings {
    language: String,
    fuel: u64,
    memory: u64,
    /// Whether long output is shown as it is, too.
    whole: bool,
    /// How often the list of programs is run.
    times: u32,
    /// How deep the verifier digs itself into its own stack before it runs anything.
    depth: u32,
    /// What the verifier does in the end.
    then: String,
}

impl Guest for Runner {
    fn describe() -> Description {
        // Nothing is granted while a plugin describes itself; this shows what comes of trying.
        let outcome = run(&Program {
            language: "toy".to_owned(),
            source: "print here".to_owned(),
            stdin: Vec::new(),
            fuel: u64::MAX,
            memory: u64::MAX,
        });
        Description {
            name: "runner".to_owned(),
            version: "1.0.0".to_owned(),
            summary: shown(&outcome, false),
            options: r#"{"type":"object"}"#.to_owned(),
            metrics: Vec::new(),
        }
    }

    fn verify(submission: Submission, _: String) -> Result<Verdict, ErrorCode> {
        if submission.completion.is_empty() {
            return Err(ErrorCode::Abstain("there is nothing to run".to_owned()));
        }
        let (settings, programs) =
            submission.completion.split_once("\n\n").unwrap_or(("", &submission.completion));
        let settings = Settings::read(settings)?;
        let stdin = submission.reference.unwrap_or_default();
        let mut outcomes = Vec::new();
        for _ in 0..settings.times {
            for source in programs.split("\n---\n") {
                outcomes.push(dig(settings.depth, &settings, source, &stdin));
            }
        }
        match settings.then.as_str() {
            "" => {}
            "loop" => loop {
                black_box(());
            },
            "count" => {
                black_box((0..1_000_000_u64).map(black_box).sum::<u64>());
            }
            "panic" => panic!("on purpose"),
            other => return Err(ErrorCode::InvalidTask(format!("no such ending: {other}"))),
        }
        let exited = outcomes.iter().filter(|outcome| matches!(outcome.ending, Ending::Exited(0))).count();
        let lines: Vec<String> = outcomes.iter().map(|outcome| shown(outcome, settings.whole)).collect();
        // A thousand times the same is one line.
        let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        if settings.times > 1 {
            lines.dedup();
        }
        Ok(Verdict { reward: exited as f64, reason: Some(lines.join("\n")), metrics: Vec::new() })
    }
}

impl Settings {
    fn read(text: &str) -> Result<Self, ErrorCode> {
        let mut settings = Self {
            language: "toy".to_owned(),
            fuel: u64::MAX,
            memory: u64::MAX,
            whole: false,
            times: 1,
            depth: 0,
            then: String::new(),
        };
        for line in text.lines() {
            let wrong = || ErrorCode::InvalidTask(format!("not a setting: {line}"));
            let (name, value) = line.split_once('=').ok_or_else(wrong)?;
            match name {
                "language" => settings.language = value.to_owned(),
                "fuel" => settings.fuel = value.parse().map_err(|_| wrong())?,
                "memory" => settings.memory = value.parse().map_err(|_| wrong())?,
                "whole" => settings.whole = value.parse().map_err(|_| wrong())?,
                "times" => settings.times = value.parse().map_err(|_| wrong())?,
                "depth" => settings.depth = value.parse().map_err(|_| wrong())?,
                "then" => settings.then = value.to_owned(),
                _ => return Err(wrong()),
            }
        }
        Ok(settings)
    }
}

/// Runs a program from deep in the stack.
#[inline(never)]
fn dig(depth: u32, settings: &Settings, source: &str, stdin: &str) -> Outcome {
    if depth > 0 {
        return black_box(dig(black_box(depth - 1), settings, source, stdin));
    }
    run(&Program {
        language: settings.language.clone(),
        source: source.to_owned(),
        stdin: stdin.as_bytes().to_vec(),
        fuel: settings.fuel,
        memory: settings.memory,
    })
}

fn shown(outcome: &Outcome, whole: bool) -> String {
    let ending = match &outcome.ending {
        Ending::Exited(code) => format!("exited {code}"),
        Ending::Raised => "raised".to_owned(),
        Ending::OutOfFuel => "out-of-fuel".to_owned(),
        Ending::Deadline => "deadline".to_owned(),
        Ending::OutOfMemory => "out-of-memory".to_owned(),
        Ending::OutputTooLarge => "output-too-large".to_owned(),
        Ending::Trapped(message) => format!("trapped: {message}"),
        Ending::Unavailable(reason) => format!("unavailable: {reason}"),
    };
    format!("{ending} stdout={} stderr={}", text(&outcome.stdout, whole), text(&outcome.stderr, whole))
}

/// Short output as it is, long output by its length.
fn text(bytes: &[u8], whole: bool) -> String {
    if whole || bytes.len() <= 100 {
        format!("{:?}", String::from_utf8_lossy(bytes))
    } else {
        format!("{} bytes", bytes.len())
    }
}
