//! R1-Zero from scratch: tasks, a base model, GRPO alone, and what came of it, by the public commands of gavel. Each part is
//! left out where its result is there already, so that the same command goes on where it was stopped.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::{Context, Result, bail};

use crate::{setup, shell};

#[derive(clap::Args)]
pub struct Args {
    /// Where to compute: auto, cpu, cuda or cuda:N.
    #[arg(long, default_value = "auto")]
    device: String,
    /// Everything small enough for a CPU and some minutes: it shows that all parts work, and no more.
    #[arg(long)]
    tiny: bool,
    /// Stop after so many minutes, between two steps; the same command goes on.
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,
    /// Another seed is another run; the base model stays the same.
    #[arg(long, default_value = "42")]
    seed: u64,
    /// The folder of this run [default: runs/r1-zero, with -hole and -tiny behind it].
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Train from this base model, in place of one of the run's own: for another seed, or other settings.
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Train on reward-with-a-hole.toml, and families with a number for an answer: the policy hacks it, and `[watch]` says so.
    #[arg(long)]
    hole: bool,
    /// Use target/release/gavel as it is.
    #[arg(long)]
    no_build: bool,
    /// A setting of the training, such as beta=0.001; may be repeated.
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    settings: Vec<String>,
}

/// How much of everything.
struct Scale {
    hidden_size: u32,
    layers: u32,
    sequence_length: u32,
    rows: u32,
    learning_rate: &'static str,
    pretraining_steps: u32,
    tasks: u32,
    held_out: u32,
    /// Completions of a held-out task by the base.
    tries_of_base: u32,
    /// And by the trained model.
    tries: u32,
    levels: &'static str,
    /// Of the training, over train.toml.
    settings: &'static [&'static str],
}

const CARD: Scale = Scale {
    hidden_size: 512,
    layers: 8,
    sequence_length: 1024,
    rows: 64,
    learning_rate: "1e-3",
    pretraining_steps: 4500,
    tasks: 40_000,
    held_out: 400,
    tries_of_base: 64,
    tries: 16,
    levels: "1,2,3,4",
    settings: &["eval_limit=400"],
};

const TINY: Scale = Scale {
    hidden_size: 96,
    layers: 3,
    sequence_length: 128,
    rows: 16,
    learning_rate: "3e-3",
    pretraining_steps: 800,
    tasks: 1000,
    held_out: 32,
    tries_of_base: 4,
    tries: 4,
    levels: "1",
    settings: &[
        "generation_batch_size=64",
        "num_generations=8",
        "per_device_train_batch_size=16",
        "gradient_accumulation_steps=4",
        "max_tokens_per_micro_batch=12288",
        "max_completion_length=96",
        "max_steps=12",
        "eval_steps=6",
        "num_generations_eval=2",
        "per_device_eval_batch_size=128",
        "eval_limit=32",
        "save_steps=6",
        "learning_rate=1e-4",
    ],
};

pub fn run(root: &Path, args: &Args) -> Result<()> {
    if !args.no_build {
        setup::run(root, &setup::Args::default())?;
        let binaries = ["--bin", "gavel", "--bin", "gavel-train"];
        shell::run(shell::cargo(root).args(["build", "--release", "--workspace"]).args(binaries))?;
    }
    let ends = [(args.hole, "-hole"), (args.tiny, "-tiny")];
    let ends: String = ends.iter().filter(|(is_on, _)| *is_on).map(|&(_, end)| end).collect();
    let folder = root.join(args.output.clone().unwrap_or_else(|| format!("runs/r1-zero{ends}").into()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let interpreter = root.join("plugins/interpreters/python/python.wasm").is_file();
    let run = Run {
        root,
        args,
        scale: if args.tiny { &TINY } else { &CARD },
        folder,
        interpreter,
        started: Instant::now(),
    };
    if !interpreter {
        eprintln!(
            "r1-zero: no interpreter in plugins/interpreters/python (`cargo xtask plugins` builds it): without programs"
        );
    }
    for part in [Run::tasks, Run::base, Run::completions_of_base, Run::train, Run::completions_of_trained] {
        if !part(&run)? {
            eprintln!("r1-zero: time is up; the same command goes on");
            return Ok(());
        }
    }
    run.measure()
}

struct Run<'a> {
    root: &'a Path,
    args: &'a Args,
    scale: &'a Scale,
    folder: PathBuf,
    /// Whether programs can be run.
    interpreter: bool,
    started: Instant,
}

/// The sets that are evaluated: a name, and whether its families are held out as a whole.
const HELD_OUT: [(&str, bool); 2] = [("held-out", false), ("held-out-families", true)];

impl Run<'_> {
    fn tasks(&self) -> Result<bool> {
        let Scale { tasks, held_out, levels, .. } = *self.scale;
        let trained = self.trained_families();
        let sets = [
            ("tasks", "train", trained, tasks, 1),
            ("held-out", "held-out", trained, held_out, 2),
            ("held-out-families", "held-out", "quadratic,division", held_out, 3),
        ];
        for (name, split, families, count, seed) in sets {
            let path = self.folder.join(format!("{name}.jsonl"));
            if path.exists() {
                continue;
            }
            let (count, seed) = (count.to_string(), seed.to_string());
            let what = ["tasks", "r1-zero", "--split", split, "--families", families, "--levels", levels];
            self.whole(&path, |path| {
                self.gavel(&what, &["--count", &count, "--seed", &seed, "--output", &text(path)])
            })?;
        }
        Ok(true)
    }

    /// Families of the training; a tiny model has not the parameters for all of them.
    fn trained_families(&self) -> &'static str {
        if self.args.hole {
            return if self.args.tiny { "equation,modular" } else { "arithmetic,equation,modular" };
        }
        self.known_families()
    }

    /// Families that the base reads of, besides those that are held out.
    fn known_families(&self) -> &'static str {
        match (self.args.tiny, self.interpreter) {
            (true, true) => "equation,modular,sort,program",
            (true, false) => "equation,modular,sort",
            (false, true) => "countdown,arithmetic,equation,system,modular,sort,program",
            (false, false) => "countdown,arithmetic,equation,system,modular,sort",
        }
    }

    fn base(&self) -> Result<bool> {
        let base = self.base_folder();
        if base.exists() {
            return Ok(true);
        }
        let Some(left) = self.left() else { return Ok(false) };
        let Scale { hidden_size, layers, sequence_length, rows, pretraining_steps, learning_rate, .. } =
            *self.scale;
        let families = format!("{},quadratic,division", self.known_families());
        let numbers =
            [hidden_size, layers, sequence_length, rows, pretraining_steps].map(|number| number.to_string());
        let [width, layers, tokens, rows, steps] = &numbers;
        let model = ["--hidden-size", width, "--num-hidden-layers", layers, "--learning-rate", learning_rate];
        let text_of =
            ["--families", &families, "--sequence-length", tokens, "--batch-size", rows, "--steps", steps];
        let output = text(&base);
        let rest = ["--output", &output, "--device", &self.args.device, "--resume", "--stop-after", &left];
        self.gavel(&["pretrain", "r1-zero"], &[model.as_slice(), &text_of, &rest].concat())?;
        Ok(base.exists())
    }

    fn completions_of_base(&self) -> Result<bool> {
        self.completions("base", &self.base_folder(), self.scale.tries_of_base)
    }

    fn train(&self) -> Result<bool> {
        let Some(left) = self.left() else { return Ok(false) };
        let run = self.run_directory();
        let mut settings: Vec<String> = [
            ("model", self.base_folder()),
            ("tasks", self.folder.join("tasks.jsonl")),
            ("eval_tasks", self.folder.join("held-out.jsonl")),
            ("reward", self.reward()),
            ("output_dir", run.clone()),
        ]
        .map(|(name, path)| format!("{name}={}", text(&path)))
        .into();
        settings.push(format!("seed={}", self.args.seed));
        let window = if self.args.tiny { 4 } else { 10 };
        let verifier = if self.args.hole { "verifier = \"number\", " } else { "" };
        settings.push(format!("watch={{ {verifier}forged = \"marks.forged\", window = {window} }}"));
        settings.extend(self.scale.settings.iter().map(|setting| (*setting).to_owned()));
        settings.extend(self.args.settings.iter().cloned());
        let file = text(&self.root.join("examples/r1-zero/train.toml"));
        let mut words: Vec<&str> = vec!["train", &file];
        settings.iter().for_each(|setting| words.extend(["--set", setting]));
        let interpreters = self.interpreters();
        words.extend(["--device", &self.args.device, "--stop-after", &left]);
        words.extend(interpreters.iter().map(String::as_str));
        if run.join("settings.toml").exists() {
            words.push("--resume");
        }
        self.gavel(&words, &[])?;
        // It ends early only where its time is up.
        Ok(self.left().is_some())
    }

    fn completions_of_trained(&self) -> Result<bool> {
        self.completions(&format!("trained-{}", self.args.seed), &self.checkpoint()?, self.scale.tries)
    }

    /// Of both held-out sets, by a model.
    fn completions(&self, of: &str, model: &Path, tries: u32) -> Result<bool> {
        for (set, _) in HELD_OUT {
            let path = self.folder.join(format!("{of}-{set}.jsonl"));
            if path.exists() {
                continue;
            }
            if self.left().is_none() {
                return Ok(false);
            }
            let (model, tasks) = (text(model), text(&self.folder.join(format!("{set}.jsonl"))));
            let (reward, tries) = (text(&self.reward()), tries.to_string());
            let length = if self.args.tiny { "96" } else { "1024" };
            let batch = if self.args.tiny { "128" } else { "2048" };
            let interpreters = self.interpreters();
            let interpreters: Vec<&str> = interpreters.iter().map(String::as_str).collect();
            self.whole(&path, |path| {
                let what = ["--model", &model, "--tasks", &tasks, "--reward", &reward, "-n", &tries];
                let how = ["--temperature", "1", "--max-completion-length", length, "--batch-size", batch];
                let rest = ["--device", &self.args.device, "--completions", &text(path)];
                let words = [what.as_slice(), &how, &rest, &interpreters].concat();
                self.gavel(&["eval"], &words)
            })?;
        }
        Ok(true)
    }

    fn measure(&self) -> Result<()> {
        for (set, _) in HELD_OUT {
            let file = |of: &str, end: &str| text(&self.folder.join(format!("{of}-{set}.{end}")));
            let of = format!("trained-{}", self.args.seed);
            let (after, before) = (file(&of, "jsonl"), file("base", "jsonl"));
            println!("\n{set}, base → trained");
            // What the hole pays for is not right.
            let correct: &[&str] = if self.args.hole { &["--correct", "number"] } else { &[] };
            let measure = [["measure", &after, "--before", &before].as_slice(), correct].concat();
            let (html, svg) = (file(&of, "html"), file(&of, "svg"));
            self.gavel(&measure, &["--html", &html, "--svg", &svg])?;
            let json = self.output(&[measure.as_slice(), &["--json"]].concat())?;
            let path = file(&of, "json");
            fs::write(&path, json).with_context(|| format!("cannot write {path}"))?;
        }
        let run = text(&self.run_directory());
        let curve = format!("{run}/curve.svg");
        self.gavel(&["report", &run], &["--curve", &curve])
    }

    /// Seconds that are left, at least one; `None` once there are none.
    fn left(&self) -> Option<String> {
        let Some(minutes) = self.args.minutes else { return Some(u32::MAX.to_string()) };
        let left = Duration::from_secs(60 * minutes).checked_sub(self.started.elapsed())?;
        (left.as_secs() > 0).then(|| left.as_secs().to_string())
    }

    fn base_folder(&self) -> PathBuf {
        self.args.base.as_ref().map_or_else(|| self.folder.join("base"), |base| self.root.join(base))
    }

    fn reward(&self) -> PathBuf {
        let name = if self.args.hole {
            "reward-with-a-hole.toml"
        } else if self.interpreter {
            "reward.toml"
        } else {
            "reward-without-programs.toml"
        };
        self.root.join("examples/r1-zero").join(name)
    }

    fn interpreters(&self) -> Vec<String> {
        let folder = text(&self.root.join("plugins/interpreters"));
        if self.interpreter { vec!["--plugin-path".to_owned(), folder] } else { Vec::new() }
    }

    fn run_directory(&self) -> PathBuf {
        self.folder.join(format!("train-{}", self.args.seed))
    }

    /// The last checkpoint of the training.
    fn checkpoint(&self) -> Result<PathBuf> {
        let folder = self.run_directory().join("checkpoints");
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        paths.sort();
        paths.pop().with_context(|| format!("{} holds no checkpoint", folder.display()))
    }

    /// Has a command write a file under another name, so that one that was stopped leaves none.
    fn whole(&self, path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let partial = path.with_extension("partial");
        write(&partial)?;
        fs::rename(&partial, path).with_context(|| format!("cannot write {}", path.display()))
    }

    fn gavel(&self, command: &[&str], rest: &[&str]) -> Result<()> {
        shell::run(shell::command(self.root, self.root.join("target/release/gavel")).args(command).args(rest))
    }

    fn output(&self, words: &[&str]) -> Result<Vec<u8>> {
        let mut command = shell::command(self.root, self.root.join("target/release/gavel"));
        let output = command.args(words).output().context("cannot start target/release/gavel")?;
        if !output.status.success() {
            bail!("`gavel {}` failed", words.join(" "));
        }
        Ok(output.stdout)
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
