//! Every option by which a command is told to write a file: none writes over what the command reads, and each is tried before
//! anything that takes long.

use std::collections::BTreeSet;
use std::fs;

use crate::gavel::Folder;

/// Commands with an option that names a file to write, the options, and files and folders that they read: those of a row are
/// named in it, and must stay as they are.
const WRITING: &[(&str, &[&str], &[&str])] = &[
    ("score -r reward.toml rows.jsonl", &["--output", "--record"], &["rows.jsonl", "reward.toml"]),
    ("audit rows.jsonl -r reward.toml --label human", &["--html"], &["rows.jsonl", "reward.toml"]),
    ("convert tests/reward.toml", &["--output"], &["tests/reward.toml"]),
    (
        "report run",
        &["--output", "--curve"],
        &["run/metrics.jsonl", "run/settings.toml", "run/completions/completions_00001.jsonl"],
    ),
    (
        "measure run --before scored.jsonl",
        &["--html", "--svg"],
        &["run/metrics.jsonl", "run/completions/completions_00001.jsonl", "scored.jsonl"],
    ),
    ("plugin pull localhost:1/none/such:0.1.0", &["--output"], &[]),
    #[cfg(feature = "train")]
    (
        "eval --model model --tasks more* --reward reward.toml",
        &["--output", "--completions"],
        &["more.jsonl", "reward.toml", "model/config.json", "model/model.safetensors"],
    ),
    #[cfg(feature = "train")]
    (
        "data stats more* --model model --reward reward.toml",
        &["--html"],
        &["more.jsonl", "reward.toml", "model/config.json"],
    ),
    #[cfg(feature = "train")]
    ("tasks countdown --count 3", &["--output"], &[]),
];

const ROW: &str = "{\"prompt\": \"1+1?\", \"completion\": \"2\", \"reference\": \"2\", \"reward\": 1, \"human\": true, \"step\": 1}\n";

fn folder() -> Folder {
    #[cfg(feature = "train")]
    let folder = crate::trainer::with_chat_model();
    #[cfg(not(feature = "train"))]
    let folder = Folder::new();
    folder
        .file("reward.toml", "[verifiers.accuracy]\nplugin = 'math'\n")
        .file("rows.jsonl", ROW)
        .file("more.jsonl", ROW)
        .file("scored.jsonl", ROW)
        .file("tests/reward.toml", "[scoring.checks]\naggregation = \"all-pass\"\n")
        .file("run/metrics.jsonl", ROW)
        .file("run/settings.toml", "seed = 1\n")
        .file("run/completions/completions_00001.jsonl", ROW)
}

/// Exit code and what was said.
fn run(folder: &Folder, command: &str, more: &[&str]) -> (Option<i32>, String) {
    let words: Vec<&str> = command.split(' ').chain(more.iter().copied()).collect();
    let output = folder.run(&words);
    assert!(output.stdout.is_empty(), "{command}: {}", String::from_utf8_lossy(&output.stdout));
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn no_output_takes_the_place_of_what_is_read() {
    let folder = folder();
    for (command, options, read) in WRITING {
        for (option, file) in options.iter().flat_map(|option| read.iter().map(move |file| (option, file))) {
            let before = fs::read(folder.path(file)).unwrap();
            for name in [(*file).to_owned(), format!("run/../{file}")] {
                let record = ["--output", "new.jsonl"];
                let beside: &[&str] = if *option == "--record" { &record } else { &[] };
                let (code, said) = run(&folder, command, &[beside, &[option, &name]].concat());
                assert!(said.contains("write to another file"), "{command} {option} {name}: {said}");
                assert_eq!(code, Some(1), "{command} {option} {name}: {said}");
            }
            assert_eq!(fs::read(folder.path(file)).unwrap(), before, "{command} {option} {file}");
        }
    }
    let (code, said) = run(&folder, "measure run", &["--html", "a.html", "--svg", "a.html"]);
    assert!(code == Some(1) && said.contains("a.html is to hold two outputs"), "{said}");
    let (code, said) = run(&folder, "report run", &["--curve", "run/report.html"]);
    assert!(code == Some(1) && said.contains("run/report.html is to hold two outputs"), "{said}");
}

#[test]
fn an_output_that_cannot_be_written_is_said_first() {
    let folder = folder();
    for (command, options, _) in WRITING {
        for option in *options {
            for (name, expected) in [
                ("no/x", "cannot write no/x: there is no folder no: make it first, or name another"),
                ("run", "cannot write run: it is a folder: name a file in it"),
                ("rows.jsonl/x", "cannot write rows.jsonl/x: "),
            ] {
                let record = ["--output", "new.jsonl"];
                let beside: &[&str] = if *option == "--record" { &record } else { &[] };
                let (code, said) = run(&folder, command, &[beside, &[option, name]].concat());
                assert!(said.contains(&format!("error: {expected}")), "{command} {option} {name}: {said}");
                assert_eq!(code, Some(1), "{command} {option} {name}: {said}");
            }
        }
    }
    assert!(!folder.path("new.jsonl").exists(), "nothing is begun");
}

/// The options of a command that look as if they named something to write.
fn writing(folder: &Folder, command: &str) -> BTreeSet<String> {
    const LIKE: [&str; 8] =
        ["--output", "--html", "--svg", "--curve", "--record", "--completions", "--out", "--page"];
    let help = folder.run(&command.split(' ').chain(["--help"]).collect::<Vec<_>>());
    let help = String::from_utf8(help.stdout).unwrap();
    let words = help.lines().filter(|line| line.starts_with([' '])).filter_map(|line| {
        let line = line.trim_start();
        let line = line
            .split_once(", --")
            .filter(|_| line.starts_with('-'))
            .map_or(line.to_owned(), |(_, rest)| format!("--{rest}"));
        line.split_whitespace().next().map(str::to_owned)
    });
    words.filter(|word| LIKE.contains(&word.as_str())).collect()
}

#[test]
fn every_option_that_writes_is_among_those_tried() {
    let folder = Folder::new();
    let subcommands = |of: &[&str]| -> Vec<String> {
        let help = folder.run(&[of, &["--help"]].concat());
        let help = String::from_utf8(help.stdout).unwrap();
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let listed = listed.take_while(|line| !line.is_empty());
        let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        names.map(|line| [of, &[line.split_whitespace().next().unwrap()]].concat().join(" ")).collect()
    };
    let mut commands = subcommands(&[]);
    assert!(commands.len() > 15, "{commands:?}");
    commands.extend(subcommands(&["plugin"]));
    #[cfg(feature = "train")]
    commands.extend(subcommands(&["data"]));
    for command in commands {
        let tried: BTreeSet<String> = WRITING
            .iter()
            .filter(|(tried, ..)| tried.starts_with(&format!("{command} ")))
            .flat_map(|(_, options, _)| options.iter().map(|option| (*option).to_owned()))
            .collect();
        let mut found = writing(&folder, &command);
        match command.as_str() {
            // A record to compare with is read.
            "rescore" => found.retain(|option| option != "--record"),
            // Made as a folder, which `a_model_takes_the_place_of_nothing_else` tries.
            "pretrain" => found.retain(|option| option != "--output"),
            #[cfg(not(feature = "train"))]
            "eval" | "tasks" | "data" => continue,
            // Its subcommands have them.
            "data" | "plugin" => continue,
            _ => {}
        }
        assert_eq!(found, tried, "{command}");
    }
}

#[cfg(feature = "train")]
#[test]
fn a_model_takes_the_place_of_nothing_else() {
    let folder = Folder::new().file("mine/notes.txt", "kept").file("a", "kept");
    let pretrain = |output: &str| {
        run(
            &folder,
            "pretrain countdown --steps 1 --batch-size 1 --hidden-size 32 --num-hidden-layers 1 --device cpu",
            &["--output", output],
        )
    };
    for (output, expected) in [
        ("mine", "error: mine holds notes.txt, which is no part of a model and would be gone: name a folder"),
        (".", "error: . is no name for a new folder"),
        ("a", "error: a is a file, and a model is a folder"),
        ("a/model", "error: cannot write a/model: "),
    ] {
        let (code, said) = pretrain(output);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!((folder.read("mine/notes.txt"), folder.read("a")), ("kept".to_owned(), "kept".to_owned()));
    let lock = fs::File::create(folder.path(".model.lock")).unwrap();
    lock.lock().unwrap();
    let (code, said) = pretrain("model");
    assert!(code == Some(1) && said.contains("model cannot be trained now: another process"), "{said}");
    drop(lock);
    for again in [false, true] {
        let (code, said) = pretrain("model");
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(said.contains("model holds a model, which is replaced"), again, "{said}");
        assert!(folder.path("model/model.safetensors").exists() && !folder.path(".model.lock").exists());
    }
}
