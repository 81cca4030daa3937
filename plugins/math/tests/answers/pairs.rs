//! Pairs made from competition answers by transforms that keep the answer or change it, and the answers among each
//! other. The verdicts in the data are Math-Verify's; what is right is said here, transform by transform.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::data::{is_right, rows, verdict};

#[derive(Deserialize)]
struct Pair {
    transform: String,
    gold: String,
    pred: String,
    mv_verdict: bool,
}

const FILE: &str = "math_pairs/pairs.jsonl";
const OPTIONS: &str = r#"{"preset": "math-verify"}"#;

/// Transforms that keep an answer. Where a replacement broke the LaTeX, Math-Verify says no as well.
const KEEP: [&str; 36] = [
    "and",
    "bmatrix",
    "braces",
    "bracketed",
    "dec12",
    "dec6",
    "degree",
    "dfrac",
    "dollar",
    "expand_x1",
    "float0",
    "float00",
    "frac",
    "fracnobrace",
    "identity",
    "latex_thousands",
    "leading_zero",
    "mixed",
    "percent",
    "perm_list",
    "plus0",
    "pow_half",
    "product",
    "sci",
    "slash",
    "spaces",
    "sqrtnobrace",
    "strip_left_right",
    "sum",
    "text",
    "thousands",
    "units_text",
    "unreduced",
    "x_eq",
    "x_in",
    "nopct",
];
/// Transforms that change an answer.
const CHANGE: [&str; 10] = [
    "dup",
    "neg",
    "neg_expr",
    "off_by_num",
    "plus1",
    "recip",
    "rename_var",
    "as_set",
    "drop_one",
    "other_gold",
];

#[test]
fn transforms_that_keep_an_answer_keep_it_right() {
    let Some(pairs) = rows::<Pair>(FILE) else { return };
    let mut wrong = BTreeMap::new();
    let mut seen = 0;
    for pair in pairs.iter().filter(|it| KEEP.contains(&it.transform.as_str()) && it.mv_verdict) {
        seen += 1;
        if !is_right(&pair.pred, &pair.gold, OPTIONS) {
            wrong.entry(&pair.transform).or_insert_with(Vec::new).push((&pair.gold, &pair.pred));
        }
    }
    assert!(seen > 700, "{seen}");
    // One unit that is a list to the transform, and to nobody else.
    let listed: usize = wrong.values().map(Vec::len).sum();
    assert!(listed <= 1, "{wrong:#?}");
}

#[test]
fn transforms_that_change_an_answer_make_it_wrong() {
    let Some(pairs) = rows::<Pair>(FILE) else { return };
    let mut right = Vec::new();
    let mut seen = 0;
    for pair in pairs.iter().filter(|it| CHANGE.contains(&it.transform.as_str())) {
        seen += 1;
        // `24` for `24`: the transform drew the same answer.
        let same = pair.pred.contains(&format!("${}$", pair.gold));
        if !same && is_right(&pair.pred, &pair.gold, OPTIONS) {
            right.push((&pair.transform, &pair.gold, &pair.pred));
        }
    }
    assert!(seen > 250, "{seen}");
    assert!(right.is_empty(), "{right:#?}");
}

#[test]
fn every_pair_of_answers_compares_the_same_from_either_side() {
    let Some(pairs) = rows::<Pair>(FILE) else { return };
    let golds: BTreeSet<&str> = pairs.iter().map(|it| it.gold.as_str()).collect();
    let golds: Vec<&str> = golds.into_iter().collect();
    let options = r#"{"percent": "value"}"#;
    let mut equal = 0;
    // Every answer with the three hundred that follow it.
    for (at, one) in golds.iter().enumerate() {
        assert!(is_right(&format!("\\boxed{{{one}}}"), one, options), "{one} is itself");
        for other in golds.iter().skip(at + 1).take(300) {
            let judged = |answer: &str, reference: &str| {
                verdict(&format!("\\boxed{{{answer}}}"), reference, options).map(|it| it.reward)
            };
            let (a, b) = (judged(one, other), judged(other, one));
            assert_eq!(a.is_ok(), b.is_ok(), "{one:?} and {other:?}");
            assert_eq!(a.as_ref().ok(), b.as_ref().ok(), "{one:?} and {other:?}");
            equal += usize::from(a == Ok(1.0));
        }
    }
    assert!((20..80).contains(&equal), "{equal} pairs are equal");
}
