//! No dead links among the documents.

use std::collections::BTreeSet;
use std::path::Path;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::{assert_none, files, name, read};

#[test]
fn every_relative_link_leads_somewhere() {
    let mut dead = Vec::new();
    for document in files("md") {
        for link in links(&read(&document)) {
            if let Some(reason) = is_dead(&document, &link) {
                dead.push(format!("{}: {link}: {reason}", name(&document)));
            }
        }
    }
    assert_none(&dead, "dead links");
}

#[test]
fn links_and_headings_are_found() {
    let text =
        "# The *big* `one`, 2nd\n[a](b.md#c) ![d](e.svg) <https://f.g> [h]\n\n[h]: i/\n\n`[no](link)`\n";
    assert_eq!(links(text), ["b.md#c", "e.svg", "https://f.g", "i/"]);
    assert_eq!(anchors(text), BTreeSet::from(["the-big-one-2nd".to_owned()]));
}

/// Where a document points: links and images, in order.
fn links(text: &str) -> Vec<String> {
    let target = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.to_string()),
        _ => None,
    };
    Parser::new_ext(text, Options::all()).filter_map(target).collect()
}

/// Why a link leads nowhere, if it does. What lies outside of the repository is not looked at.
fn is_dead(document: &Path, link: &str) -> Option<&'static str> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { document.to_owned() } else { document.parent()?.join(file) };
    if !target.exists() {
        return Some("there is no such file");
    }
    let is_document = target.extension().is_some_and(|extension| extension == "md");
    let headless = is_document && !anchor.is_empty() && !anchors(&read(&target)).contains(anchor);
    headless.then_some("there is no such heading")
}

/// The anchors of the headings, as GitHub makes them: lower case, hyphens for spaces, no other punctuation.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut heading = None;
    for event in Parser::new_ext(text, Options::all()) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::Text(text) | Event::Code(text), Some(words)) => words.push_str(&text),
            (Event::End(TagEnd::Heading(_)), Some(words)) => {
                let kept = words.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
                anchors.insert(kept.collect::<String>().to_lowercase().replace(' ', "-"));
                heading = None;
            }
            _ => {}
        }
    }
    anchors
}
