//! `gavel rescore`: derives rewards again from what was recorded, and proves that they are the same bit for bit, or says
//! what differs.

mod source;

use std::path::Path;

use anyhow::anyhow;
use gavel_reward::{PluginReward, Workspace, WorkspaceOptions};
use gavel_verify::Reward;
use gavel_wire::compare::Rescore;
use gavel_wire::{RecordedScore, VersionDifference, VersionForm};

use crate::cli::{GlobalArgs, RescoreArgs};
use crate::exit::{ExitStatus, InputFault, Stop};
use crate::rows::{self, BadLines, NumberedRow, Rows, plural};
use crate::terminal::{LABEL, Page, Terminal, escaped, shown};
use source::{RecordedJudge, Source};

/// The most characters of a value that a line shows.
const VALUE: usize = 160;

pub(super) fn run(args: &RescoreArgs, global: &GlobalArgs) -> Result<ExitStatus, Stop> {
    let terminal = Terminal::new(global.quiet);
    let source = Source::open(&args.path, args.record.as_deref()).input_fault()?;
    // Judges said then what they say: nobody is asked again.
    let workspace = Workspace::start(&WorkspaceOptions { replay: true, ..args.plugins.clone().resolve() })?;
    let mut rescore = Rescore { recorded_rows: source.rows, ..Rescore::default() };
    let (mut judges, mut unreadable) = (Vec::new(), BadLines::default());
    for recorded in &source.judges {
        let judge = Judge::load(args, recorded, &workspace)?;
        rescore.note_version(judge.differences.clone());
        judges.push(judge);
    }
    for file in &source.files {
        let mut rows = Rows::open(file).input_fault()?;
        if let Some(place) = judges.iter().position(|judge: &Judge| judge.reward.needs_groups()) {
            rows = rows.in_groups(&source.judges[place].columns);
        }
        let mut count = 0;
        loop {
            let some = rows.read().input_fault()?;
            if some.is_empty() {
                break;
            }
            let place = |line| rows.place(line);
            let asked = Asked { args, source: &source, judges: &judges, terminal: &terminal };
            asked.compare(
                &file.display().to_string(),
                some,
                &mut count,
                &place,
                (&mut rescore, &mut unreadable),
            )?;
        }
    }
    unreadable.end(&terminal);
    rescore.unreadable = unreadable.count();
    let proven = rescore.end();
    if args.json {
        let json = serde_json::to_string_pretty(&rescore).map_err(anyhow::Error::from)?;
        let mut page = Page::default();
        page.text(&escaped(&json)).text("\n").print().map_err(anyhow::Error::from)?;
    } else {
        show(&rescore, &source, args).print().map_err(anyhow::Error::from)?;
    }
    if rescore.rows == 0 {
        return Err(Stop::Input(anyhow!("{} holds no scores", args.path.display())));
    }
    Ok(match (rescore.host_failed, proven) {
        (0, true) => ExitStatus::Success,
        (0, false) => ExitStatus::Failure,
        (count, _) => {
            terminal.error(format_args!("this machine could not judge {count} rows; rescore them again"));
            ExitStatus::Error
        }
    })
}

/// What judges now in the place of what judged then.
struct Judge {
    reward: PluginReward,
    differences: Vec<VersionDifference>,
    /// Whether the engine is the one that counted the fuel then.
    same_engine: bool,
}

impl Judge {
    /// Loads the reward file whose text is in the record, or the one that is named.
    fn load(args: &RescoreArgs, recorded: &RecordedJudge, workspace: &Workspace) -> Result<Self, Stop> {
        let reward = match (&args.reward, &recorded.version) {
            (Some(file), _) => workspace.load(file)?,
            (None, Some(VersionForm { reward, .. })) => {
                let loaded = workspace.load_text(reward.file.as_ref(), &reward.text);
                loaded.map_err(|error| moved(Stop::from(error), &recorded.place))?
            }
            (None, None) => {
                return Err(Stop::Input(anyhow!(
                    "{}: `{}` is missing, as an older gavel wrote it: name the reward file with --reward",
                    recorded.place.display(),
                    recorded.field,
                )));
            }
        };
        let now = reward.version().as_ref().map(VersionForm::from);
        let differences = match (&recorded.version, &now) {
            (Some(recorded), Some(now)) => recorded.differences(now),
            _ => recorded.digest_differences(&reward.digests()),
        };
        // Who says nothing of the engine says nothing of its fuel.
        let same_engine = recorded.version.as_ref().map(|it| &it.engine) == now.as_ref().map(|it| &it.engine);
        Ok(Self { reward, differences, same_engine })
    }
}

/// Says whose reward file it is that cannot be loaded, and what to do where it has only moved.
fn moved(stop: Stop, record: &Path) -> Stop {
    let why = format!(
        "cannot load what judged, as {} has it; where the reward file and its plugins have moved, `--reward FILE` names it",
        record.display()
    );
    match stop {
        Stop::Input(error) => Stop::Input(error.context(why)),
        Stop::Unexpected(error) => Stop::Unexpected(error),
    }
}

/// What rows are compared by.
struct Asked<'a> {
    args: &'a RescoreArgs,
    source: &'a Source,
    judges: &'a [Judge],
    terminal: &'a Terminal,
}

impl Asked<'_> {
    /// Judges some rows of a file again and compares them; `count` is how many of its rows came before.
    fn compare(
        &self,
        file: &str,
        rows: Vec<NumberedRow>,
        count: &mut u64,
        place: &dyn Fn(u64) -> String,
        (rescore, unreadable): (&mut Rescore, &mut BadLines),
    ) -> Result<(), Stop> {
        let mut by_judge: Vec<(Vec<_>, Vec<_>)> = self.judges.iter().map(|_| Default::default()).collect();
        for NumberedRow { line, row, group } in rows {
            *count += 1;
            let read = row.and_then(|row| {
                let recorded = RecordedScore::of_row(&row).map_err(|error| error.to_string())?;
                if recorded.is_bad_line() {
                    return Ok(None);
                }
                let judge = self.source.judge_of(&row, *count)?;
                let submission = row.submission(&self.source.judges[judge].columns);
                Ok(Some((judge, recorded, submission.map_err(|error| error.to_string())?)))
            });
            match read {
                Ok(Some((judge, recorded, submission))) => {
                    by_judge[judge].1.push((group, submission, recorded.calls().collect()));
                    by_judge[judge].0.push((line, recorded));
                }
                // A line that was no submission has nothing to compare.
                Ok(None) => {}
                Err(error) => unreadable.say(self.terminal, &place(line), &error),
            }
        }
        for (judge, (recorded, submissions)) in self.judges.iter().zip(by_judge) {
            let scores = rows::judge_recorded(&judge.reward, submissions)?;
            for ((line, recorded), now) in recorded.iter().zip(&scores) {
                rescore.add((file, *line), recorded, now, judge.same_engine, self.args.examples);
            }
        }
        Ok(())
    }
}

/// What came of it, for a person.
fn show(rescore: &Rescore, source: &Source, args: &RescoreArgs) -> Page {
    let mut page = Page::default();
    let rows = |count: u64| plural(count, "row");
    let path = args.path.display();
    for difference in &rescore.version {
        let VersionDifference { what, recorded, now, .. } = difference;
        page.styled(LABEL, &shown(what)).text(&format!("  {} → {}\n", cut(recorded), cut(now)));
    }
    if let Some(recorded) = rescore.recorded_rows.filter(|recorded| *recorded != rescore.rows) {
        let record = source.record.display();
        page.text(&format!(
            "{record} says that there are {}, and {path} has {}\n",
            rows(recorded),
            rescore.rows
        ));
    }
    for example in &rescore.examples {
        page.styled(LABEL, &format!("{}:{}", example.file, example.line)).text("\n");
        for field in &example.fields {
            page.text(&format!(
                "  {}  {} → {}\n",
                shown(&field.field),
                cut(&field.recorded),
                cut(&field.now)
            ));
        }
    }
    for (field, count) in &rescore.fields {
        page.text(&format!("{} differs in {}\n", shown(field), rows(*count)));
    }
    let judged_same = rescore.version.is_empty();
    let of = format!("{} of {path}", rows(rescore.rows));
    page.text(&match (rescore.proven, rescore.differing) {
        (true, _) if judged_same => format!("{of}: the same, bit for bit\n"),
        (true, _) => format!("{of}: the same, bit for bit, by another release\n"),
        (false, 0) => format!("{of}: the same, bit for bit; but not all is as it was recorded\n"),
        (false, differing) => format!("{of}: {differing} not as recorded\n"),
    });
    page
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}
