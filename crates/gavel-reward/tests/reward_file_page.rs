//! `docs/reward-file.md` against the code: its examples load, its error is the one that comes, nothing is left out.

use std::error::Error as _;
use std::path::Path;

use gavel_reward::{RewardError, RewardFile, Workspace, WorkspaceOptions, functions};

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reward-file.md")).unwrap()
}

/// The fenced blocks of a language, in the order of the page.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
fn every_example_loads() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let cache_dir = Some(folder.path().join("cache"));
    let plugin_path = vec![plugins.clone(), plugins.join("interpreters")];
    let options = WorkspaceOptions { cache_dir, plugin_path, ..WorkspaceOptions::default() };
    let workspace = Workspace::start(&options).unwrap();
    let examples = blocks(&page(), "toml");
    assert!(examples.len() >= 5, "the page has lost its examples");
    for example in examples {
        let file = folder.path().join("reward.toml");
        std::fs::write(&file, &example).unwrap();
        let built = [
            ("\"math-verify\"", "math-verify/math-verify.wasm"),
            ("\"code\"", "interpreters/python/python.wasm"),
        ];
        let is_missing =
            |(plugin, file): &(&str, &str)| example.contains(plugin) && !plugins.join(file).exists();
        if let Some((plugin, _)) = built.iter().find(|built| is_missing(built)) {
            println!(
                "skipped: the example with {plugin}, for which `cargo xtask plugins` has not built what it needs"
            );
            continue;
        }
        workspace.load(&file).unwrap_or_else(|error| panic!("{error}: {:?}\n{example}", error.source()));
    }
}

#[test]
fn the_error_on_the_page_is_the_one_that_comes() {
    let page = page();
    let wrong = blocks(&page, "toml")[0].replace("* format", "* fromat");
    let error = RewardFile::parse(Path::new("reward.toml"), &wrong).unwrap_err();
    let shown = format!("error: {error}: {}\n", error.source().unwrap());
    assert_eq!(blocks(&page, "text")[0], shown);
    assert!(matches!(error, RewardError::Formula { .. }));
}

#[test]
fn every_function_is_on_the_page() {
    let page = page();
    for function in functions() {
        assert!(page.contains(&format!("`{function}")), "{function} is not documented");
    }
}

#[test]
fn every_judge_on_their_page_loads() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/judges.md");
    let page = std::fs::read_to_string(page).unwrap();
    // Nobody is asked, so that there need be no key.
    let options = WorkspaceOptions { cache_dir: None, replay: true, ..WorkspaceOptions::default() };
    let workspace = Workspace::start(&options).unwrap();
    let examples = blocks(&page, "toml");
    assert!(!examples.is_empty(), "the page has lost its example");
    for example in examples {
        workspace.load_text("reward.toml".as_ref(), &example).unwrap();
    }
}
