//! `docs/llms.txt`: the index of the documents in the form that language models look for, made of `docs/README.md`. A test
//! says when it is stale; `cargo xtask llms` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

const FILE: &str = "docs/llms.txt";

/// Writes the file.
pub fn run(root: &Path) -> Result<()> {
    fs::write(root.join(FILE), made(root)?).with_context(|| format!("could not write {FILE}"))
}

fn made(root: &Path) -> Result<String> {
    let read =
        |name: &str| fs::read_to_string(root.join(name)).with_context(|| format!("could not read {name}"));
    Ok(llms(&read("README.md")?, &read("docs/README.md")?))
}

/// The title and the first paragraph of the README, then each table of the index as a list of links.
fn llms(readme: &str, index: &str) -> String {
    let mut said = readme.lines().filter(|line| !line.is_empty());
    let (title, summary) = (said.next().unwrap_or_default(), said.next().unwrap_or_default());
    let mut text = format!("{title}\n\n> {summary}\n");
    for line in index.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n## {heading}\n\n");
        }
        let Some(row) = line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")) else { continue };
        let (with_links, others): (Vec<&str>, Vec<&str>) =
            row.split(" | ").partition(|cell| cell.contains("]("));
        for (name, target) in with_links.iter().flat_map(|cell| links(cell)) {
            let _ = writeln!(text, "- [{name}]({target}): {}", others.join(", "));
        }
    }
    text
}

/// The links of a cell: what each is called, and where it leads.
fn links(cell: &str) -> Vec<(&str, &str)> {
    let link = |rest: &'_ str| -> Option<(usize, usize)> { Some((rest.find("](")?, rest.find(')')?)) };
    let ends = cell.split('[').skip(1).filter_map(|rest| Some((rest, link(rest)?)));
    ends.map(|(rest, (name, end))| (&rest[..name], &rest[name + 2..end])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_what_the_index_makes() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let there = fs::read_to_string(root.join(FILE)).unwrap_or_default();
        assert_eq!(there, made(root).unwrap(), "{FILE} is stale: `cargo xtask llms` writes it anew");
        for entry in ["docs", "docs/integrations"].map(|folder| fs::read_dir(root.join(folder)).unwrap()) {
            for page in entry.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
                assert!(!page.ends_with(".md") || page == "README.md" || there.contains(&page), "{page}");
            }
        }
    }

    #[test]
    fn a_table_becomes_a_list_of_links() {
        let index = "# Documents\n\nText.\n\n## To do\n\n| you want | read |\n|---|---|\n| a, b | [x](x.md), [`y/`](y/z.md) |\n\n\
                     ## To look up\n\n| | |\n|---|---|\n| [z](z.md) | what `z` is |\n";
        assert_eq!(
            llms("# name\n\nWhat it is.\n\nMore.\n", index),
            "# name\n\n> What it is.\n\n## To do\n\n- [x](x.md): a, b\n- [`y/`](y/z.md): a, b\n\n## To look up\n\n\
             - [z](z.md): what `z` is\n"
        );
    }
}
