//! `gavel score --resume`: how much of an output is there, and where in the input it goes on.
//!
//! The output is held against the input line by line: which line of the input comes next follows from nothing else, since
//! lines that are no submissions may have none in the output.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use gavel_lines::{Input, Line, Lines};
use gavel_verify::{Status, Submission};
use gavel_wire::{Columns, GroupKey, Groups, RecordedOutcome, RecordedScore, Row, ScoreRecord};

use crate::cases::place;

/// The most bytes of a line of output: a line of input with its outcomes.
const LONGEST: u64 = 1 << 30;

/// Bytes that are looked at together for the end of the last whole line.
const BLOCK: u64 = 64 << 10;

/// What is there of an output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Resumed {
    /// Lines that are scored.
    pub(super) submissions: u64,
    /// Those of them that have a reward.
    pub(super) with_reward: u64,
    /// Those that the machine could not judge then.
    pub(super) host_failed: u64,
    /// Lines of the input before where it goes on that are no submissions.
    pub(super) bad_lines: u64,
    /// The number of the line of the input that is next.
    pub(super) next: u64,
    /// Bytes of a line that had broken off, and are cut.
    pub(super) cut: u64,
    /// Bytes of the output that stay.
    pub(super) kept: u64,
}

/// Requires that the record of an output says what judges now.
pub(super) fn require_same(record: &ScoreRecord, path: &Path, now: &ScoreRecord) -> anyhow::Result<()> {
    let differs = |what: &str, recorded: &str, now: &str| {
        anyhow!(
            "{}: `{what}` is {recorded}, and would be {now} now: what is there cannot be gone on with; score it anew \
             without --resume, or write to another file",
            path.display()
        )
    };
    let shard = |record: &ScoreRecord| record.shard.clone().unwrap_or_else(|| "all".to_owned());
    if shard(record) != shard(now) {
        return Err(differs("shard", &shard(record), &shard(now)));
    }
    for (what, recorded, now) in [
        ("timing", record.timing, now.timing),
        ("answers_bad_lines", record.answers_bad_lines, now.answers_bad_lines),
        ("replays", record.replays, now.replays),
    ] {
        if recorded != now {
            return Err(differs(what, &recorded.to_string(), &now.to_string()));
        }
    }
    let [recorded] = &record.judged_by[..] else {
        bail!(
            "{}: `judged_by` has {} entries: what was scored with --watch cannot be gone on with",
            path.display(),
            record.judged_by.len()
        );
    };
    let now = &now.judged_by[0];
    let json = |columns: &Option<Columns>| serde_json::to_string(columns).unwrap_or_default();
    if json(&recorded.columns) != json(&now.columns) {
        return Err(differs("judged_by[0].columns", &json(&recorded.columns), &json(&now.columns)));
    }
    match (&recorded.version, &now.version) {
        (Some(recorded), Some(now)) => match recorded.differences(now).into_iter().next() {
            Some(it) => Err(differs(&it.what, &it.recorded, &it.now)),
            None => Ok(()),
        },
        _ => bail!(
            "{}: `judged_by[0].version` is missing, as an older gavel wrote it: score it anew without --resume",
            path.display()
        ),
    }
}

/// How long the whole lines of an output are, and the half one behind them, in bytes.
pub(super) fn whole_lines(path: &Path) -> anyhow::Result<(u64, u64)> {
    let measure = || -> io::Result<(u64, u64)> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut end = length;
        let mut block = Vec::new();
        while end > 0 {
            let start = end.saturating_sub(BLOCK);
            block.clear();
            file.seek(SeekFrom::Start(start))?;
            (&mut file).take(end - start).read_to_end(&mut block)?;
            if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
                end = start + at as u64 + 1;
                break;
            }
            end = start;
        }
        Ok((end, length - end))
    };
    measure().with_context(|| format!("cannot read {}", path.display()))
}

/// Cuts an output off behind its whole lines.
pub(super) fn cut_behind(path: &Path, whole: u64) -> anyhow::Result<()> {
    let cut = || File::options().write(true).open(path)?.set_len(whole);
    cut().with_context(|| format!("cannot cut the end of {}", path.display()))
}

/// Holds the first `whole` bytes of an output, its whole lines, against those of its input that are in `range`, of up to
/// `longest` bytes each. Of a reward that compares completions, `groups` are those before the range, and then those before
/// where it goes on: that is where the last group of the output begins, since the rest of it may be missing.
pub(super) fn compare(
    (input, output, whole): (&Path, &Path, u64),
    range: &Range<u64>,
    longest: u64,
    columns: &Columns,
    answers_bad_lines: bool,
    mut groups: Option<&mut Groups>,
) -> anyhow::Result<Resumed> {
    let open = |path: &Path| format!("cannot read {}", path.display());
    let (lines, _) = Input::open(input).with_context(|| open(input))?;
    let mut inputs = Lines::new(lines, longest);
    let file = File::open(output).with_context(|| open(output))?;
    let lines = Lines::new(BufReader::new(file.take(whole)), LONGEST);
    let mut outputs = Outputs { path: output, lines, bytes: 0 };
    let mut last_group = None;
    let mut resumed = Resumed { next: range.start, ..Resumed::default() };
    let mut waiting = outputs.next()?;
    while let Some(line) = inputs.read().with_context(|| open(input))? {
        if line.number < range.start {
            continue;
        }
        let Some((number, before, written)) = &waiting else { break };
        if line.number >= range.end {
            break;
        }
        let asked = match (row_of(&line, columns), &mut groups) {
            (Asked::Submission(row, submission), Some(groups)) => {
                match groups.begins(GroupKey::of(&row, columns, &submission), &submission) {
                    Ok(begins) => {
                        if begins {
                            last_group =
                                Some(Resumed { next: line.number, kept: *before, ..resumed.clone() });
                        }
                        Asked::Submission(row, submission)
                    }
                    // A row of no group is none to score.
                    Err(_) => Asked::Bad,
                }
            }
            (asked, _) => asked,
        };
        resumed.next = line.number + 1;
        let there = || format!("{} and {}", place(output, *number), place(input, line.number));
        match (asked, answers_bad_lines) {
            (Asked::Blank, _) => continue,
            (Asked::Bad, false) => {
                resumed.bad_lines += 1;
                continue;
            }
            (Asked::Bad, true) => {
                require(read(written, number, output)?.is_bad_line(), there)?;
                resumed.bad_lines += 1;
            }
            (Asked::Submission(row, _), _) => {
                require(row.has_columns_of(written), there)?;
                let score = read(written, number, output)?;
                resumed.submissions += 1;
                resumed.with_reward += u64::from(score.reward.is_some());
                let failed = |outcome: &RecordedOutcome| outcome.status == Status::HostFailed.name();
                resumed.host_failed += u64::from(score.outcomes.values().any(failed));
            }
        }
        waiting = outputs.next()?;
    }
    match waiting {
        None => {
            if let Some(groups) = groups.filter(|_| last_group.is_some()) {
                *groups = std::mem::take(groups).before_current();
            }
            Ok(last_group.unwrap_or(Resumed { kept: whole, ..resumed }))
        }
        Some((number, ..)) => bail!(
            "{} has no line in {}: it is the output of another input; write to another file",
            place(output, number),
            input.display()
        ),
    }
}

fn read(row: &Row, number: &u64, output: &Path) -> anyhow::Result<RecordedScore> {
    RecordedScore::of_row(row).with_context(|| place(output, *number))
}

fn require(is_same: bool, there: impl Fn() -> String) -> anyhow::Result<()> {
    if !is_same {
        bail!("{} are not the same row: it is the output of another input; write to another file", there());
    }
    Ok(())
}

/// What a line of the input is to `gavel score`.
pub(super) enum Asked {
    Blank,
    Bad,
    Submission(Row, Submission),
}

pub(super) fn row_of(line: &Line, columns: &Columns) -> Asked {
    match &line.text {
        Ok(text) if text.trim().is_empty() => Asked::Blank,
        Ok(text) => match Row::parse(text) {
            Ok(row) => match row.submission(columns) {
                Ok(submission) => Asked::Submission(row, submission),
                Err(_) => Asked::Bad,
            },
            Err(_) => Asked::Bad,
        },
        Err(_) => Asked::Bad,
    }
}

/// The lines of an output.
struct Outputs<'a> {
    path: &'a Path,
    lines: Lines<BufReader<io::Take<File>>>,
    /// Bytes of the lines that were read.
    bytes: u64,
}

impl Outputs<'_> {
    /// The next line: its number, the bytes before it, and what it says.
    fn next(&mut self) -> anyhow::Result<Option<(u64, u64, Row)>> {
        let line = self.lines.read().with_context(|| format!("cannot read {}", self.path.display()))?;
        let Some(Line { number, bytes, text }) = line else { return Ok(None) };
        let before = self.bytes;
        self.bytes += bytes;
        let at = || place(self.path, number);
        let row = Row::parse(&text.with_context(at)?).with_context(at)?;
        Ok(Some((number, before, row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_is_cut_however_long_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let cut = |content: &str| {
            std::fs::write(&path, content).unwrap();
            let (whole, half) = whole_lines(&path).unwrap();
            cut_behind(&path, whole).unwrap();
            (half, std::fs::read_to_string(&path).unwrap())
        };
        assert_eq!(cut(""), (0, String::new()));
        assert_eq!(cut("{}\n"), (0, "{}\n".to_owned()));
        assert_eq!(cut("{}\n{\"a"), (3, "{}\n".to_owned()));
        let long = "x".repeat(3 * BLOCK as usize);
        assert_eq!(cut(&format!("{{}}\n{long}")), (3 * BLOCK, "{}\n".to_owned()));
        assert_eq!(cut(&long), (3 * BLOCK, String::new()));
    }

    #[test]
    fn it_goes_on_behind_the_line_of_the_last_score() {
        let folder = tempfile::tempdir().unwrap();
        let [input, output] = ["in.jsonl", "out.jsonl"].map(|name| folder.path().join(name));
        let row = |id: u32| format!(r#"{{"prompt": "", "completion": "", "id": {id}"#);
        let score = |reward: &str| format!(r#","reward":{reward},"outcomes":{{}}}}"#);
        let lines =
            [row(1) + "}", "bad".to_owned(), String::new(), row(2) + "}", "{}".to_owned(), row(3) + "}"];
        std::fs::write(&input, lines.join("\n")).unwrap();
        let look = |rows: &[String], answers| {
            std::fs::write(&output, rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
            let range = 1..u64::MAX;
            let resumed =
                compare((&input, &output, u64::MAX), &range, 1000, &Columns::default(), answers, None);
            resumed.map(|resumed| Resumed { kept: 0, ..resumed })
        };
        let [one, two, other] = [row(1) + &score("1"), row(2) + &score("null"), row(7) + &score("1")];
        let resumed = |submissions, with_reward, bad_lines, next| Resumed {
            submissions,
            with_reward,
            bad_lines,
            next,
            ..Resumed::default()
        };
        assert_eq!(look(&[], false).unwrap(), resumed(0, 0, 0, 1));
        assert_eq!(look(std::slice::from_ref(&one), false).unwrap(), resumed(1, 1, 0, 2));
        assert_eq!(look(&[one.clone(), two.clone()], false).unwrap(), resumed(2, 1, 1, 5));
        let bad = r#"{"reward":null,"no_reward":{"kind":"bad-line"},"outcomes":{}}"#.to_owned();
        assert_eq!(look(&[one.clone(), bad, two.clone()], true).unwrap(), resumed(2, 1, 1, 5));
        let error = look(&[one.clone(), other], false).unwrap_err().to_string();
        assert!(
            error.contains("out.jsonl:2 and ") && error.contains("in.jsonl:4 are not the same row"),
            "{error}"
        );
        let three = row(3) + &score("1");
        let error = look(&[one, two, three.clone(), three], false).unwrap_err().to_string();
        assert!(error.contains("out.jsonl:4 has no line in "), "{error}");
    }
}
