//! The measures of completions as a page: tables of before and after.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{Comparison, Group, Measures};
use crate::format::{self, Unit};
use crate::page;

type Named<'a> = Vec<(String, Option<&'a Group>, &'a Group)>;

pub(super) fn render(comparison: &Comparison) -> Markup {
    let Comparison { before, after, sources } = comparison;
    let families = paired(before.as_ref(), after, |measures| &measures.families);
    let levels = paired(before.as_ref(), after, |measures| &measures.levels);
    let all: Named<'_> = vec![("all".to_owned(), before.as_ref().map(|before| &before.all), &after.all)];
    let facts = format!("{} tasks · {} completions", after.all.tasks, after.all.completions);
    let main = html! {
        section {
            h2 { "Solved" }
            p.note {
                "The chance that one of k completions is right. Where pass@1 of the trained model is above pass@k of the base, \
                 it does more than to find again what the base finds in k tries."
            }
            (pass_table(&[all.clone(), families.clone()].concat()))
        }
        section {
            h2 { "Checking itself" }
            p.note {
                "Checking: completions with at least one check. Retrying: failed checks that another one follows. To right: \
                 answers that are right though the first check was not; to wrong: answers that are wrong though it was. \
                 Forged: marks that are not true."
            }
            (checking_table(&[all, families.clone()].concat()))
        }
        section {
            h2 { "Length by difficulty" }
            p.note { "Mean tokens of a completion: of all, of those that are right, of those that are wrong." }
            (length_table(&levels))
            @for (family, of_before, of_after) in by_family(before.as_ref(), after) {
                h3.step { (gavel_verify::visible(&family)) }
                (length_table(&pair(of_before, of_after)))
            }
        }
        section {
            p.note { @for (name, path) in sources { (name) ": " (gavel_verify::visible(path)) ". " } }
        }
    };
    page::document("measures · gavel", "gavel · measures", "How it thinks", &facts, &main)
}

fn paired<'a>(
    before: Option<&'a Measures>,
    after: &'a Measures,
    of: impl Fn(&'a Measures) -> &'a BTreeMap<String, Group>,
) -> Named<'a> {
    pair(before.map(&of), of(after))
}

fn pair<'a>(before: Option<&'a BTreeMap<String, Group>>, after: &'a BTreeMap<String, Group>) -> Named<'a> {
    let named = after.iter();
    named.map(|(name, group)| (name.clone(), before.and_then(|groups| groups.get(name)), group)).collect()
}

type Levels = BTreeMap<String, Group>;

fn by_family<'a>(
    before: Option<&'a Measures>,
    after: &'a Measures,
) -> Vec<(String, Option<&'a Levels>, &'a Levels)> {
    let levels = after.family_levels.iter();
    levels
        .map(|(family, levels)| {
            let of_before = before.and_then(|before| before.family_levels.get(family));
            (family.clone(), of_before, levels)
        })
        .collect()
}

fn pass_table(groups: &Named<'_>) -> Markup {
    let ks = |of: &dyn Fn(&(String, Option<&Group>, &Group)) -> Vec<usize>| {
        let mut ks: Vec<usize> = groups.iter().flat_map(of).collect();
        ks.sort_unstable();
        ks.dedup();
        ks
    };
    let before =
        ks(&|(_, before, _)| before.iter().flat_map(|group| group.pass_at.keys().copied()).collect());
    let after = ks(&|(_, _, after)| after.pass_at.keys().copied().collect());
    let cell =
        |group: Option<&Group>, k: &usize| share(group.and_then(|group| group.pass_at.get(k).copied()));
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        th {}
                        th.number { "tasks" }
                        @for k in &before { th.number { "before, pass@" (k) } }
                        @for k in &after { th.number { "after, pass@" (k) } }
                    }
                }
                tbody {
                    @for (name, of_before, of_after) in groups {
                        tr {
                            th { (gavel_verify::visible(name)) }
                            td.number { (of_after.tasks) }
                            @for k in &before { td.number { (cell(*of_before, k)) } }
                            @for k in &after { td.number { (cell(Some(of_after), k)) } }
                        }
                    }
                }
            }
        }
    }
}

/// A name, and what it shows of a group.
type Column = (&'static str, fn(&Group) -> String);

fn checking_table(groups: &Named<'_>) -> Markup {
    let columns: [Column; 7] = [
        ("checking", |group| share(group.checking)),
        ("checks", |group| number(group.checks)),
        ("retrying", |group| share(group.retrying)),
        ("to right", |group| share(group.changed_to_right)),
        ("to wrong", |group| share(group.changed_to_wrong)),
        ("forged", |group| share(group.forged)),
        ("false ✓", |group| share(group.false_claims)),
    ];
    table(groups, &columns)
}

fn length_table(groups: &Named<'_>) -> Markup {
    let columns: [Column; 4] = [
        ("pass@1", |group| share(Some(group.accuracy()))),
        ("tokens", |group| number(Some(group.tokens))),
        ("right", |group| number(group.tokens_right)),
        ("wrong", |group| number(group.tokens_wrong)),
    ];
    table(groups, &columns)
}

/// A row for each group; each cell has the number of before, where there is one, and of after.
fn table(groups: &Named<'_>, columns: &[Column]) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { th {} @for (name, _) in columns { th.number { (name) } } } }
                tbody {
                    @for (name, before, after) in groups {
                        tr {
                            th { (gavel_verify::visible(name)) }
                            @for (_, shown) in columns {
                                td.number {
                                    @if let Some(before) = before { (shown(before)) " → " }
                                    (shown(after))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn share(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format::value(value, Unit::Share))
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"))
}
