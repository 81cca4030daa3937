//! The page of task files: how long prompts are, which columns there are, what is refused and why.

use gavel_verify::visible;
use maud::{Markup, html};

use crate::chart::{Bar, histogram};
use crate::page::document;

/// What a run would see of task files. Every text may be a stranger's.
#[derive(Debug, Clone, Default)]
pub struct DataPage {
    /// What was looked at.
    pub name: String,
    /// What is known of all of it, a few words each.
    pub facts: Vec<String>,
    /// What lengths are counted in.
    pub unit: String,
    /// How many prompts are how long.
    pub lengths: Vec<Bar>,
    /// The least, the median and other lengths, with their names.
    pub measures: Vec<(String, String)>,
    /// Of each column: its name, in how many rows it is, and what it is.
    pub columns: Vec<(String, u64, String)>,
    /// Headings, with what is wrong below each.
    pub problems: Vec<(String, Vec<String>)>,
}

pub(crate) fn render(page: &DataPage) -> Markup {
    let main = html! {
        @if !page.lengths.is_empty() {
            section {
                h2 { "Prompts" }
                p.note { "Lengths in " (page.unit) ", after the template. The last bar may be wider than the others." }
                div.panels { figure { (histogram("how many prompts are how long", &page.lengths)) } }
                div.tiles {
                    @for (name, value) in &page.measures {
                        div.tile { p.name { (name) } p.change { (visible(value)) } }
                    }
                }
            }
        }
        section {
            h2 { "Columns" }
            div.scroll {
                table {
                    thead { tr { th { "column" } th.number { "rows" } th { "is" } } }
                    tbody {
                        @for (name, rows, what) in &page.columns {
                            tr { th { (visible(name)) } td.number { (rows) } td { (visible(what)) } }
                        }
                    }
                }
            }
        }
        @for (heading, problems) in &page.problems {
            section {
                h2 { (visible(heading)) }
                @for problem in problems { p.reason { (visible(problem)) } }
            }
        }
    };
    let name = visible(&page.name);
    document(&format!("{name} · gavel data"), "gavel · data", &name, &visible(&page.facts.join(" · ")), &main)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_what_there_is_and_runs_nothing_of_a_strangers() {
        let page = DataPage {
            name: "tasks.jsonl".to_owned(),
            facts: vec!["3 rows".to_owned(), "1 refused".to_owned()],
            unit: "tokens".to_owned(),
            lengths: vec![Bar { from: 0, to: 9, count: 2 }],
            measures: vec![("median".to_owned(), "7".to_owned())],
            columns: vec![("<script>alert(1)</script>".to_owned(), 3, "metadata".to_owned())],
            problems: vec![("Refused".to_owned(), vec!["tasks.jsonl:3: <img src=x>".to_owned()])],
        };
        let drawn = render(&page).into_string();
        for expected in ["3 rows · 1 refused", "<svg", "&lt;script&gt;", "&lt;img", "Lengths in tokens"] {
            assert!(drawn.contains(expected), "{expected} in {drawn}");
        }
        assert!(!drawn.contains("<script>") && !drawn.contains("<img"));
    }
}
