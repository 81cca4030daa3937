//! `gavel convert`: rewardkit's folders of criteria as reward files. The examples are those of rewardkit's own pages.

use gavel_reward::RewardFile;

use crate::gavel::Folder;

const CHECKS: &str = "from rewardkit import criteria\n\ncriteria.file_exists(\"output.txt\")\n";

const JUDGE: &str = "[judge]\njudge = \"anthropic/claude-sonnet-4-6\"\nfiles = [\"/app/main.py\"]\n\n\
                     [[criterion]]\ndescription = \"Is the code correct?\"\ntype = \"binary\"\n\n\
                     [[criterion]]\ndescription = \"How readable is the code?\"\ntype = \"likert\"\npoints = 5\nweight = 2.0\n";

/// The folder of a task's tests, with this `reward.toml`.
fn tests(reward: &str) -> Folder {
    Folder::new()
        .file("tests/reward.toml", reward)
        .file("tests/checks.py", CHECKS)
        .file("tests/helpers.py", "def read(path): ...\n")
        .file("tests/quality.toml", JUDGE)
}

/// The formula that a `reward.toml` comes to.
fn formula(reward: &str) -> String {
    let output = tests(reward).run(&["convert", "tests", "-q"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    RewardFile::parse("reward.toml".as_ref(), &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let line = text.lines().find_map(|line| line.strip_prefix("formula = ")).unwrap();
    line.trim_matches('"').to_owned()
}

#[test]
fn a_folder_of_criteria_becomes_a_reward_file_and_what_does_not_is_named() {
    let reward = "[scoring.checks]\naggregation = \"all-pass\"\n\n\
                  [[reward]]\nname = \"reward\"\naggregation = \"weighted-mean\"\nweights = { checks = 2.0, quality = 1.0 }\n\n\
                  [[reward]]\nname = \"strict\"\naggregation = \"all-pass\"\n";
    let folder = tests(reward);
    insta::assert_snapshot!(folder.shown(&["convert", "tests"]));
    folder.run(&["convert", "tests/reward.toml", "-o", "gavel.toml"]);
    let text = folder.read("gavel.toml");
    let file = RewardFile::parse("gavel.toml".as_ref(), &text).unwrap();
    let names: Vec<_> = file.verifiers.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["checks", "quality"]);
}

#[test]
fn every_aggregation_is_a_formula() {
    let of = |settings: &str| formula(&format!("[[reward]]\nname = \"reward\"\n{settings}"));
    for (settings, expected) in [
        ("", "mean(checks, quality)"),
        ("weights = { checks = 3 }", "(3 * checks + quality) / 4"),
        ("aggregation = \"weighted_mean\"\nweights = { checks = 2, quality = 2 }", "mean(checks, quality)"),
        ("aggregation = \"weighted-sum\"\nweights = { checks = -0.5 }", "-0.5 * checks + quality"),
        ("aggregation = \"all-pass\"", "if(checks >= 1 && quality >= 1, 1, 0)"),
        ("aggregation = \"required-pass\"", "if(checks >= 1 && quality >= 1, 1, 0)"),
        ("aggregation = \"any-pass\"", "if(checks >= 1 || quality >= 1, 1, 0)"),
        ("aggregation = \"threshold\"\nthreshold = 0.7", "if(mean(checks, quality) >= 0.7, 1, 0)"),
    ] {
        assert_eq!(of(settings), expected, "{settings}");
    }
    // Without folders, rewardkit takes the mean where nothing says otherwise.
    assert_eq!(formula(""), "mean(checks, quality)");
}

#[test]
fn a_mistake_is_named_with_its_place() {
    for (reward, expected) in [
        (
            "[[reward]]\nname = \"reward\"\naggregation = \"median\"\n",
            "reward.toml:3:15: `reward.aggregation`",
        ),
        (
            "[[reward]]\nname = \"reward\"\nweights = { check = 1 }\n",
            "`reward.weights.check`: there is no such input",
        ),
        ("[[reward]]\nname = \"reward\"\nweights = { checks = -1 }\n", "only `weighted-sum` takes less"),
        ("[[reward]]\nname = \"reward\"\nweights = { checks = 0, quality = 0 }\n", "all weights are 0"),
        ("[[reward]]\nname = \"a\"\n[[reward]]\nname = \"a\"\n", "two are called `a`"),
        ("[scoring.chekcs]\n", "`scoring.chekcs`: there is no chekcs.py"),
        ("[rewards]\n", "unknown field `rewards`"),
    ] {
        let output = tests(reward).run(&["convert", "tests"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(expected), "{said} for {reward}");
    }
    let folders = tests("").file("tests/structure/files.py", CHECKS);
    let said = String::from_utf8_lossy(&folders.run(&["convert", "tests"]).stderr).into_owned();
    assert!(said.contains("no `[[reward]]` is called `reward`"), "{said}");
}
