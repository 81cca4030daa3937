//! Conformance: the same small verifiers in every language, which have to say the same; and every plugin judged twice,
//! in another order, on another number of threads, which has to change nothing.
//!
//! A case of `tests/conformance` is a folder with one `cases.jsonl` and one source per language. For each language it
//! becomes a plugin the way an author's would: from the template, with its source and its cases put in.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use gavel_toolkit::{Language, Project, ToolkitError, Tools};
use serde_json::{Map, Value, json};

use crate::{plugins, shell};

#[derive(clap::Args, Default)]
pub struct Args {
    /// This language alone; may be repeated.
    #[arg(long, value_name = "LANGUAGE")]
    only: Vec<Language>,
    /// Leave the first-party plugins out.
    #[arg(long)]
    languages: bool,
    /// Use the `gavel` that is built already.
    #[arg(long)]
    built: bool,
}

/// The folder of cases that is not one: the template of a language, as it is.
const TEMPLATE: &str = "template";

/// What a plugin may spend. Enough for five megabytes in an interpreted language, but for faults, which are to end soon;
/// and time enough on a busy machine.
fn limits(case: &str) -> String {
    let fuel = if case == "faults" { 2_000_000_000_u64 } else { 20_000_000_000 };
    format!("[limits]\nfuel = {fuel}\nmemory = \"256MiB\"\ntimeout = \"2m\"\n")
}

/// How many submissions have to be judged the same way again.
const SUBMISSIONS: usize = 100;

/// Builds `gavel`, runs every case in every language, prints the matrix, and says what was skipped.
pub fn run(root: &Path, args: &Args) -> Result<()> {
    if !args.built {
        shell::run(shell::cargo(root).args(["build", "--release", "--workspace", "--bin", "gavel"]))?;
    }
    share_cargo_target(root)?;
    let runner = Runner { root, gavel: root.join("target/release/gavel"), tools: crate::tools(root) };
    let languages: Vec<Language> = Language::ALL
        .into_iter()
        .filter(|language| args.only.is_empty() || args.only.contains(language))
        .collect();
    let cases = cases(root)?;
    let cells: Vec<(Language, &str)> =
        cases.iter().flat_map(|case| languages.iter().map(|&language| (language, case.as_str()))).collect();
    let plugins = if args.languages { Vec::new() } else { plugins::verifiers(root)? };
    let mut wrong = Vec::new();
    let ran = in_parallel(&cells, |&(language, case)| {
        let started = Instant::now();
        let cell = runner.run_case(language, case)?;
        let took = started.elapsed().as_secs_f64();
        eprintln!("conformance: {language} {case}: {} ({took:.1} s)", cell.shown());
        Ok(cell)
    })?;
    print_matrix(&cases, &languages, &ran);
    for ((language, case), cell) in cells.iter().zip(&ran) {
        match cell {
            Cell::Skipped(why) => println!("skipped: conformance of {language}, {case}: {why}"),
            Cell::Wrong(_, why) => wrong.push(format!("{language}, {case}:\n{why}")),
            Cell::Right(_) => {}
        }
    }
    for (plugin, same) in plugins.iter().zip(in_parallel(&plugins, |plugin| runner.first_party(plugin))?) {
        let judged =
            format!("{}: {SUBMISSIONS} submissions, again in another order on 4 threads", plugin.display());
        match same {
            Ok(()) => println!("{judged}: the same"),
            Err(why) => wrong.push(format!("{judged}: {why}")),
        }
    }
    ensure!(wrong.is_empty(), "{} of conformance went another way:\n\n{}", wrong.len(), wrong.join("\n\n"));
    Ok(())
}

/// What `work` makes of each item, in the items' order, on as many threads as the machine has. Most compilers of plugins
/// keep one core busy.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let results: Vec<Mutex<Option<Result<R>>>> = items.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((item, result)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    items.get(index).zip(results.get(index))
                } {
                    *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(work(item));
                }
            });
        }
    });
    let result = |cell: Mutex<Option<Result<R>>>| {
        cell.into_inner().unwrap_or_else(PoisonError::into_inner).context("a thread ended early")?
    };
    results.into_iter().map(result).collect()
}

/// The plugins in Rust have their dependencies compiled once, by a setting that cargo finds in a folder above theirs.
fn share_cargo_target(root: &Path) -> Result<()> {
    let folder = root.join("target/conformance/rust");
    fs::create_dir_all(folder.join(".cargo"))?;
    let setting = format!("[build]\ntarget-dir = {:?}\n", folder.join("target"));
    Ok(fs::write(folder.join(".cargo/config.toml"), setting)?)
}

/// The template, and the folders of `tests/conformance`.
fn cases(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("tests/conformance");
    let entries = fs::read_dir(&folder).with_context(|| format!("could not read {}", folder.display()))?;
    let mut cases = vec![TEMPLATE.to_owned()];
    for entry in entries {
        let entry = entry?;
        if entry.path().is_dir() {
            cases.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    cases[1..].sort();
    Ok(cases)
}

/// What a language's folder is called below `target/conformance`.
pub fn folder(language: Language) -> String {
    language.name().replace('+', "p")
}

/// What a case came to in a language.
enum Cell {
    /// So many cases passed, and judging again changed nothing.
    Right(usize),
    /// What the matrix shows, and what happened.
    Wrong(String, String),
    /// Why it could not be tried.
    Skipped(String),
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::Right(passed) => format!("{passed} ok"),
            Self::Wrong(short, _) => short.clone(),
            Self::Skipped(_) => "skipped".to_owned(),
        }
    }
}

/// Prints a line for each language; `cells` has those of the first case first.
fn print_matrix(cases: &[String], languages: &[Language], cells: &[Cell]) {
    print!("\n{:<15}", "");
    cases.iter().for_each(|case| print!("{case:<10}"));
    println!();
    for (row, language) in languages.iter().enumerate() {
        print!("{:<15}", language.name());
        cells.iter().skip(row).step_by(languages.len()).for_each(|cell| print!("{:<10}", cell.shown()));
        println!();
    }
    println!();
}

/// Where plugins are built and judged.
struct Runner<'a> {
    root: &'a Path,
    gavel: PathBuf,
    tools: Tools,
}

impl Runner<'_> {
    fn run_case(&self, language: Language, case: &str) -> Result<Cell> {
        let folder = self.root.join("target/conformance").join(folder(language)).join(case);
        let project = match self.stage(language, case, &folder)? {
            Ok(project) => project,
            Err(why) => return Ok(Cell::Skipped(why)),
        };
        match gavel_toolkit::build(&project, &self.tools, &|_| {}) {
            Err(missing @ ToolkitError::Missing { .. }) => return Ok(Cell::Skipped(missing.to_string())),
            Err(error) => return Ok(Cell::Wrong("no build".to_owned(), error.to_string())),
            Ok(_) => {}
        }
        let test = self.gavel(["plugin", "test"]).arg(&folder).output().context("could not start gavel")?;
        let said = String::from_utf8_lossy(&test.stdout).into_owned();
        let summary = said.lines().last().unwrap_or_default().to_owned();
        let passed = summary.split(' ').next().and_then(|count| count.parse().ok());
        let (true, Some(passed)) = (test.status.success(), passed) else {
            let short = summary.split(" cases").next().unwrap_or_default().replace(" of ", "/");
            let said = format!("{said}{}", String::from_utf8_lossy(&test.stderr));
            return Ok(Cell::Wrong(format!("{short} BAD"), said));
        };
        let limits = json!({ "fuel": 100_000_000, "timeout": "2m" });
        let judged = self.judge_again(&folder, "./", &[], limits)?;
        Ok(judged.map_or_else(|why| Cell::Wrong("UNEQUAL".to_owned(), why), |()| Cell::Right(passed)))
    }

    /// Makes the folder of a plugin: the template with the case's source and cases. `Err` says why there is none.
    fn stage(&self, language: Language, case: &str, folder: &Path) -> Result<Result<Project, String>> {
        shell::remove(folder)?;
        gavel_toolkit::create(if case == TEMPLATE { "word-limit" } else { case }, language, folder)?;
        let manifest = folder.join("gavel.toml");
        let text = fs::read_to_string(&manifest)?;
        let document: toml::Table = text.parse().with_context(|| format!("{}", manifest.display()))?;
        let field = |table: &str, key: &str| {
            let value = document.get(table).and_then(|table| table.get(key)).and_then(toml::Value::as_str);
            value.with_context(|| format!("{}: no {table}.{key}", manifest.display()))
        };
        let source = PathBuf::from(field("build", "source")?);
        let entry = PathBuf::from(field("plugin", "entry")?);
        if case != TEMPLATE {
            let extension = source.extension().unwrap_or_default().to_string_lossy();
            // Two languages share an extension; the second tier's has its name before it.
            let extension = if language.name() == "assemblyscript" { "as.ts".into() } else { extension };
            let of_case = self.root.join("tests/conformance").join(case);
            let program = of_case.join(format!("{case}.{extension}"));
            if !program.is_file() {
                return Ok(Err(format!("there is no {}", program.display())));
            }
            fs::copy(&program, folder.join(&source))?;
            let mut cases = fs::read_to_string(of_case.join("cases.jsonl"))?;
            if case == "echo" {
                cases.push_str(&five_megabytes());
            }
            fs::write(folder.join("cases.jsonl"), cases)?;
            let kept = text.split("[limits]").next().unwrap_or_default();
            fs::write(&manifest, format!("{kept}{}", limits(case)))?;
        }
        Ok(Ok(Project { folder: folder.to_owned(), language, source, entry, paths: Vec::new() }))
    }

    fn first_party(&self, plugin: &Path) -> Result<Result<(), String>> {
        let folder = self.root.join(plugin);
        let staged =
            self.root.join("target/conformance/first-party").join(plugin.file_name().unwrap_or_default());
        fs::create_dir_all(&staged)?;
        fs::copy(folder.join("cases.jsonl"), staged.join("cases.jsonl"))?;
        let manifest: toml::Table = fs::read_to_string(folder.join("gavel.toml"))?.parse()?;
        let asks = manifest.get("capabilities").and_then(|asks| asks.get("interpreter")).is_some();
        let grants: &[&str] = if asks { &["interpreter"] } else { &[] };
        // What a manifest asks for beyond gavel's defaults is granted in a reward file alone.
        let mut limits = manifest.get("limits").map_or(json!({}), |limits| json!(limits));
        limits["timeout"] = "2m".into();
        self.judge_again(&staged, &folder.to_string_lossy(), grants, limits)
    }

    /// Judges a hundred submissions twice in one run, and once more in another run, in another order and on more
    /// threads. Says what differs, if anything does.
    fn judge_again(
        &self,
        folder: &Path,
        plugin: &str,
        grants: &[&str],
        limits: Value,
    ) -> Result<Result<(), String>> {
        let (options, groups) = groups(&folder.join("cases.jsonl"))?;
        let verifier = json!({ "plugin": plugin, "options": options, "grant": grants, "limits": limits });
        let file = json!({ "verifiers": { "it": verifier }, "reward": { "formula": "it" } });
        let reward = folder.join("again.toml");
        fs::write(&reward, toml::to_string(&file)?)?;
        let (in_order, input) = (groups.iter().collect::<Vec<_>>(), folder.join("twice.jsonl"));
        let first = if groups.iter().all(|group| group.len() == 1) {
            self.score(&reward, &input, &[in_order.as_slice(), in_order.as_slice()].concat(), 1)?
        } else {
            // A group that comes again in the same file is none.
            let mut first = self.score(&reward, &input, &in_order, 1)?;
            first.extend(self.score(&reward, &input, &in_order, 1)?);
            first
        };
        // 37 and 100 have no divisor in common, so every index comes once, and neighbours are far apart.
        let shuffled: Vec<usize> = (0..SUBMISSIONS).map(|index| index * 37 % SUBMISSIONS).collect();
        let lines: Vec<&Vec<Value>> = shuffled.iter().map(|&index| &groups[index]).collect();
        let other = self.score(&reward, &folder.join("shuffled.jsonl"), &lines, 4)?;
        for (position, index) in shuffled.into_iter().enumerate() {
            let once = &first[index];
            for (which, again) in [("later", &first[SUBMISSIONS + index]), ("elsewhere", &other[position])] {
                if once != again {
                    return Ok(Err(format!(
                        "submission {index}, judged again {which}:\n- {once}\n+ {again}"
                    )));
                }
            }
        }
        Ok(Ok(()))
    }

    /// The outcomes of each group as text, without the time that they took.
    fn score(&self, reward: &Path, input: &Path, groups: &[&Vec<Value>], jobs: usize) -> Result<Vec<String>> {
        let lines: String =
            groups.iter().copied().flatten().map(|submission| format!("{submission}\n")).collect();
        fs::write(input, lines)?;
        let mut score = self.gavel(["score", "--quiet"]);
        score.arg("--reward").arg(reward).arg(input).args(["--jobs", &jobs.to_string()]);
        let scored = shell::read(score.arg("--plugin-path").arg(self.root.join("plugins/interpreters")))?;
        let outcomes: Vec<String> = scored.lines().map(outcome).collect::<Result<_>>()?;
        let count = groups.iter().map(|group| group.len()).sum::<usize>();
        if outcomes.len() != count {
            bail!("gavel scored {} of {count} submissions", outcomes.len());
        }
        let mut outcomes = outcomes.into_iter();
        Ok(groups.iter().map(|group| outcomes.by_ref().take(group.len()).collect()).collect())
    }

    fn gavel<const N: usize>(&self, args: [&str; N]) -> Command {
        let mut gavel = shell::command(self.root, &self.gavel);
        gavel.args(args);
        gavel
    }
}

/// What a line of `gavel score` says, but for the time that it took.
fn outcome(line: &str) -> Result<String> {
    let mut row: Map<String, Value> = serde_json::from_str(line)?;
    let mut outcomes = row.remove("outcomes").context("a scored line has no outcomes")?;
    let outcome =
        outcomes.get_mut("it").and_then(Value::as_object_mut).context("the verifier said nothing")?;
    ensure!(outcome.remove("ms").is_some(), "an outcome has no time, which this leaves out: {line}");
    Ok(json!([row.get("reward"), outcome]).to_string())
}

/// A hundred submissions from the cases that have the same options, each another one than before, and these options. Of a
/// plugin that judges groups it is a hundred groups; of others each is one submission.
fn groups(cases: &Path) -> Result<(Value, Vec<Vec<Value>>)> {
    let text = fs::read_to_string(cases).with_context(|| format!("could not read {}", cases.display()))?;
    let mut by_options: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && line.len() < 1 << 20) {
        let case: Value = serde_json::from_str(line)?;
        let expect = case["expect"].get(0).unwrap_or(&case["expect"]);
        let refused = expect["status"] == "invalid-options";
        let options = case.get("options").cloned().unwrap_or(json!({})).to_string();
        // TOML has no null.
        if !refused && !options.contains("null") {
            by_options.entry(options).or_default().push(case);
        }
    }
    let most = by_options.into_iter().max_by_key(|(_, cases)| cases.len());
    let (options, cases) = most.context("no case has options that the plugin takes")?;
    let numbered = |index: usize| {
        let case = &cases[index % cases.len()];
        let row = |completion: &Value| {
            let mut row = Map::new();
            row.insert(
                "prompt".to_owned(),
                format!("{} #{index}", case["prompt"].as_str().unwrap_or_default()).into(),
            );
            if let Some(reference) = case.get("reference") {
                row.insert("reference".to_owned(), reference.clone());
            }
            let columns = case.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
            row.extend(columns);
            match completion {
                // One with columns of its own. What tells groups apart is theirs together.
                Value::Object(own) => row.insert("completion".to_owned(), own["completion"].clone()),
                text => row.insert("completion".to_owned(), text.clone()),
            };
            Value::from(row)
        };
        let of_group = case.get("completions").and_then(Value::as_array);
        of_group.map_or_else(|| vec![row(&case["completion"])], |all| all.iter().map(row).collect())
    };
    Ok((serde_json::from_str(&options)?, (0..SUBMISSIONS).map(numbered).collect()))
}

/// A case too long to keep in a file: five megabytes of letters of one to four bytes.
fn five_megabytes() -> String {
    let completion = "aé€🎉".repeat(500_000);
    let sum: u64 = completion.bytes().map(u64::from).sum();
    let metrics = json!({ "completion_bytes": completion.len(), "completion_sum": sum });
    let expect = json!({ "reward": 1, "exact": true, "metrics": metrics, "reason_contains": "large" });
    let case = json!({ "name": "five megabytes", "completion": completion, "expect": expect });
    format!("{case}\n")
}
