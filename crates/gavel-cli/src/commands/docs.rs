//! `gavel docs`: the documents, which whoever has the binary has too.

use std::io::Write as _;

use anyhow::{Context, anyhow};
use gavel_files::{closest, did_you_mean};

use crate::cli::DocsArgs;
use crate::exit::{ExitStatus, Stop};

/// Documents by their names, and those of the SDKs by the languages.
macro_rules! pages {
    ($($name:literal),* ; $($language:literal),* $(,)?) => {
        &[
            $(($name, include_str!(concat!("../../../../docs/", $name, ".md"))),)*
            ("sdk", include_str!("../../../../sdk/README.md")),
            $((concat!("sdk/", $language), include_str!(concat!("../../../../sdk/", $language, "/README.md"))),)*
        ]
    };
}

/// The documents in the order of their names, the index apart.
const PAGES: &[(&str, &str)] = pages![
    "benchmarks",
    "command-format",
    "compare",
    "data",
    "grpo",
    "http-api",
    "integrations/harbor",
    "integrations/nemo-gym",
    "integrations/openenv",
    "integrations/openrlhf",
    "integrations/ray",
    "integrations/reasoning-gym",
    "integrations/skyrl",
    "integrations/slime",
    "integrations/trl",
    "integrations/verifiers",
    "integrations/verl",
    "judges",
    "manifest",
    "own-loop",
    "plugins",
    "port-a-python-verifier",
    "publishing",
    "python",
    "r1-zero",
    "reward-file",
    "score",
    "security",
    "train",
    "wit";
    "assemblyscript",
    "c",
    "cpp",
    "go",
    "javascript",
    "nim",
    "python",
    "rust",
    "typescript",
    "zig",
];

/// Writes a document to stdout, or their names.
pub(super) fn run(args: &DocsArgs) -> Result<ExitStatus, Stop> {
    let text = match &args.page {
        None => list(),
        Some(name) => page(name.trim_end_matches(".md"))?.to_owned(),
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

fn list() -> String {
    let width = PAGES.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    PAGES.iter().map(|(name, text)| format!("{name:width$}  {}\n", title(text))).collect()
}

/// A document begins with its title.
fn title(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_start_matches("# ")
}

fn page(name: &str) -> Result<&'static str, Stop> {
    let found = PAGES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
    found.ok_or_else(|| {
        let meant = did_you_mean(closest(name, PAGES.iter().map(|(known, _)| *known)));
        Stop::Input(anyhow!("no document is called `{name}`{meant}; `gavel docs` lists them"))
    })
}
