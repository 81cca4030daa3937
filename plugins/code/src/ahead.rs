//! Programs that read ahead: asks again where an answer stands in the arguments of a later question.
//!
//! All questions of a run are on the program's standard input, so it can look at those to come. They hold arguments of
//! the test's calls and nothing that is expected; but `assert enc("a") == "n"; assert dec("n") == "a"` hands the answer
//! to the first call over with the second. Such a program cannot answer so in a run that ends in between.

use std::collections::{BTreeMap, BTreeSet};

use gavel_plugin::Error;

use crate::answers::{Answer, Claim, ask_again, ask_first};
use crate::drivers::Driver;
use crate::knowledge::{ObjectId, Question};
use crate::run::Runner;
use crate::value::Value;

/// Runs that are made again at most: each is cut where it separates the most answers from what tells them.
const MOST_CUTS: usize = 2;

/// Leaves of a value that are looked at.
const MOST_LEAVES: usize = 1_000;

/// The first question, for people, that the program answers otherwise when it cannot see what comes later.
pub(crate) fn caught(
    program: &str,
    driver: Driver,
    questions: &[Question],
    answers: &[Answer],
    runner: &mut Runner<'_>,
) -> Result<Option<String>, Error> {
    for cut in cuts(questions, answers) {
        let again = ask_first(cut, program, driver, questions, runner)?;
        let differs =
            answers.iter().zip(&again.answers).position(|(answer, again)| !answer.holds_the_same(again));
        if let Some(question) = differs {
            let question = gavel_plugin::excerpt(&questions[question].text());
            return Ok(Some(format!(
                "without what comes later, the program answers otherwise to {question}"
            )));
        }
    }
    Ok(None)
}

/// What a test made, by calling classes of the program, to compare with it.
pub(crate) struct Expected<'a> {
    /// Objects that were found equal: the program's, if it is one and no plain data, and the test's, unless that is the
    /// same one, which the program had given out before.
    pub(crate) alike: &'a [(Option<ObjectId>, Option<ObjectId>)],
    /// The places of the questions that made plain data, or such an object once more.
    pub(crate) made: BTreeSet<usize>,
}

/// Why the program may have known of what the test made to compare with. All that does not take it is asked again without
/// it, so that the program cannot have looked at what it was made of, before or after.
pub(crate) fn knew(
    program: &str,
    expected: &Expected<'_>,
    questions: &[Question],
    answers: &[Answer],
    runner: &mut Runner<'_>,
) -> Result<Option<String>, Error> {
    // What the test itself computed from the other, `turned(p, 360) == p`, may know it.
    let is_computed = |pair: &&(Option<ObjectId>, Option<ObjectId>)| {
        let (Some(found), Some(made)) = **pair else { return false };
        is_computed_from(made, found, questions, answers)
    };
    let pairs: Vec<_> = expected.alike.iter().filter(|pair| !is_computed(pair)).collect();
    if pairs.is_empty() && expected.made.is_empty() {
        return Ok(None);
    }
    let made = pairs.iter().filter_map(|(_, made)| *made).collect();
    let (kept, gone) = without(&expected.made, made, questions, answers);
    let again = ask_again(&kept, program, questions, runner)?.answers;
    if let Some((&index, _)) =
        kept.iter().zip(&again).find(|(index, again)| !answers[**index].agrees_with(again))
    {
        let question = gavel_plugin::excerpt(&questions[index].text());
        return Ok(Some(format!(
            "without what it is compared with, the program answers otherwise to {question}"
        )));
    }
    let is_the_same = |found| !gone.contains(&found) && is_told_the_same(found, answers, &kept, &again);
    if pairs.iter().filter_map(|(found, _)| *found).all(is_the_same) {
        return Ok(None);
    }
    Ok(Some("an object of the program is not the same without the one that it is compared with".to_owned()))
}

/// Whether an object came up first where the test handed the other over, or something that has it from the test. If it
/// is the other itself, it came back only from there.
fn is_computed_from(made: ObjectId, found: ObjectId, questions: &[Question], answers: &[Answer]) -> bool {
    let (mut having, mut computed, mut seen) = (BTreeSet::from([made]), BTreeSet::new(), BTreeSet::new());
    for (question, answer) in questions.iter().zip(answers) {
        let objects = answer.objects();
        if !question.compares() && !question.objects().is_disjoint(&having) {
            let new: Vec<ObjectId> = objects.difference(&seen).copied().collect();
            having.extend(&new);
            computed.extend(new);
            if question.arguments().next().is_some() {
                having.extend(question.objects());
            }
        } else if found == made
            && !question.compares()
            && seen.contains(&made)
            && answer.returned().contains(&made)
        {
            return false;
        }
        seen.extend(objects);
    }
    found == made || computed.contains(&found)
}

/// The questions that can be asked without these and without the objects that a test `made`, and the objects that are not
/// there then.
fn without(
    places: &BTreeSet<usize>,
    made: BTreeSet<ObjectId>,
    questions: &[Question],
    answers: &[Answer],
) -> (Vec<usize>, BTreeSet<ObjectId>) {
    let (mut gone, mut seen, mut there) = (made, BTreeSet::new(), BTreeSet::new());
    let mut kept = Vec::new();
    for (index, (question, answer)) in questions.iter().zip(answers).enumerate() {
        let objects = answer.objects();
        let makes_one = objects.iter().any(|object| gone.contains(object) && !seen.contains(object));
        seen.extend(objects.iter().copied());
        if places.contains(&index) || makes_one || !question.objects().is_disjoint(&gone) {
            gone.extend(objects.difference(&there));
        } else {
            there.extend(objects);
            kept.push(index);
        }
    }
    (kept, gone)
}

/// Whether an object holds the same whenever it is told what it holds: in both runs, and in between.
fn is_told_the_same(found: ObjectId, answers: &[Answer], kept: &[usize], again: &[Answer]) -> bool {
    let mut again = kept.iter().zip(again).peekable();
    let mut last = None;
    for (index, answer) in answers.iter().enumerate() {
        let held = answer.held(found);
        match again.next_if(|(kept, _)| **kept == index) {
            Some((_, again)) if again.held(found) != held => return false,
            Some(_) => last = held.or(last),
            None if held.is_some() && held != last => return false,
            None => {}
        }
    }
    last.is_some()
}

/// How many questions to ask again, from the first.
fn cuts(questions: &[Question], answers: &[Answer]) -> Vec<usize> {
    let mut told = told_later(questions, answers);
    let mut cuts = Vec::new();
    while !told.is_empty() && cuts.len() < MOST_CUTS {
        let separated = |cut: usize| told.iter().filter(|(at, by)| *at < cut && cut <= *by).count();
        // Among equals the earliest, which is the cheapest.
        let best = (1..questions.len()).rev().max_by_key(|&cut| separated(cut));
        let Some(best) = best else { break };
        cuts.push(best);
        told.retain(|(at, by)| !(*at < best && best <= *by));
    }
    cuts
}

/// Pairs of an answer and the first later question that would tell it.
///
/// Small numbers and single letters stand in the arguments of most tests, by chance. They count where they would tell
/// half of the answers.
fn told_later(questions: &[Question], answers: &[Answer]) -> Vec<(usize, usize)> {
    let mut places = BTreeMap::<String, Vec<usize>>::new();
    for (index, question) in questions.iter().enumerate() {
        let mut note = |leaf: String| places.entry(leaf).or_default().push(index);
        question
            .arguments()
            .for_each(|argument| argument.leaves(MOST_LEAVES).into_iter().for_each(&mut note));
    }
    let (mut telling, mut by_chance, mut answered) = (Vec::new(), Vec::new(), 0);
    for (index, answer) in answers.iter().enumerate() {
        let Answer::Returned(Claim { value, state, .. }) = answer else { continue };
        let mut leaves = leaves(value, MOST_LEAVES);
        if leaves.is_empty() {
            // With an object comes what it holds; but what the test passed to make it is no answer.
            let held = state.iter().flat_map(|held| &held.attributes);
            leaves.extend(held.flat_map(|(_, value)| self::leaves(value, MOST_LEAVES)).take(MOST_LEAVES));
            let passed: BTreeSet<String> =
                questions[index].arguments().flat_map(|argument| argument.leaves(MOST_LEAVES)).collect();
            leaves.retain(|leaf| !passed.contains(leaf));
        }
        answered += usize::from(!leaves.is_empty());
        let later = |leaf: &String| places.get(leaf)?.iter().copied().find(|place| *place > index);
        let long = leaves.iter().filter(|leaf| leaf.len() > LETTERS_OF_CHANCE).filter_map(later).min();
        if let Some(place) = long {
            telling.push((index, place));
        } else if let Some(places) = leaves.iter().map(later).collect::<Option<Vec<_>>>()
            && let Some(place) = places.into_iter().max()
        {
            by_chance.push((index, place));
        }
    }
    if 2 * (telling.len() + by_chance.len()) >= answered {
        telling.extend(by_chance);
    }
    telling
}

/// Leaves of so many letters, with the one that says what they are, stand anywhere by chance.
const LETTERS_OF_CHANCE: usize = 3;

/// The numbers and texts in a value, in one spelling.
pub(crate) fn leaves(value: &Value, most: usize) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec![value]);
    while let Some(value) = open.pop() {
        match value {
            _ if found.len() == most => break,
            Value::Int(number) if number.bits() <= 4_096 => found.push(format!("i{number:x}")),
            Value::Float(number) if number.is_finite() => found.push(format!("f{number}")),
            Value::Str(text) if !text.is_empty() => found.push(format!("s{text}")),
            Value::Bytes(bytes) if !bytes.is_empty() => found.push(format!("b{bytes:?}")),
            Value::List(items)
            | Value::Tuple(items)
            | Value::Set(items)
            | Value::FrozenSet(items)
            | Value::Named(_, _, _, items)
            | Value::Iterator(items) => open.extend(items),
            Value::Dict(entries) => open.extend(entries.iter().flat_map(|(key, value)| [key, value])),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::knowledge::Argument;

    fn cuts_of(calls: &[(&str, &str, Value)]) -> Vec<usize> {
        let input = |json: &str| Argument::input(RawValue::from_string(json.to_owned()).unwrap());
        let question =
            |(name, arg, _): &(&str, &str, Value)| Question::call(name, vec![input(arg)], Vec::new());
        let questions: Vec<Question> = calls.iter().map(question).collect();
        let answers: Vec<Answer> = calls.iter().map(|(_, _, value)| Answer::value(value.clone())).collect();
        cuts(&questions, &answers)
    }

    fn text(text: &str) -> Value {
        Value::Str(text.to_owned())
    }

    #[test]
    fn runs_are_cut_between_an_answer_and_what_tells_it() {
        assert_eq!(cuts_of(&[("enc", "\"abc\"", text("nop")), ("dec", "\"nop\"", text("abc"))]), [1]);
        assert_eq!(
            cuts_of(&[
                ("enc", "\"abc\"", text("nop")),
                ("enc", "\"xyz\"", text("klm")),
                ("dec", "[\"nop\"]", text("abc")),
                ("dec", "[\"klm\"]", text("xyz")),
            ]),
            [2]
        );
        assert_eq!(cuts_of(&[("flip", "5", Value::int(-5)), ("flip", "-5", Value::int(5))]), [1]);
    }

    #[test]
    fn what_tells_nothing_costs_nothing() {
        assert_eq!(cuts_of(&[("f", "\"abc\"", text("cba")), ("f", "\"xy\"", text("yx"))]), [0; 0]);
        let numbers = [(1, 7), (2, 8), (3, 2), (7, 9), (4, 11)];
        let calls: Vec<(String, Value)> =
            numbers.iter().map(|(arg, answer)| (arg.to_string(), Value::int(*answer))).collect();
        let calls: Vec<(&str, &str, Value)> =
            calls.iter().map(|(arg, answer)| ("f", arg.as_str(), answer.clone())).collect();
        assert_eq!(cuts_of(&calls), [0; 0], "one of five small numbers is chance");
        assert_eq!(cuts_of(&[("f", "1", Value::Bool(true)), ("f", "true", Value::None)]), [0; 0]);
    }
}
