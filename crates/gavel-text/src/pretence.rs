//! Sentences that lead to an answer which nobody gives: "A careless student would write", "The typical mistake gives", "In
//! another version of the problem, the answer is".

/// Parts of a sentence that say of what else it is the answer, or who is said to give it.
const OF_ELSE: [&str; 24] = [
    "nswer to another ",
    "nswer to a different ",
    "nswer to some other ",
    "nswer to the other ",
    "nswer to the previous ",
    "nswer to last ",
    "olution to another ",
    "olution to a different ",
    "nother version of the problem",
    "n another problem",
    "n a different problem",
    "n a parallel universe",
    "nswer used to be",
    "nswer was once ",
    "as once thought to be",
    "as believed that the answer",
    "as thought that the answer",
    "umor has it",
    "umour has it",
    "ccording to a liar",
    "ast year's answer",
    "esterday's answer",
    "or the sake of argument",
    "or argument's sake",
];
/// How a sentence starts that only asks, or that tells of what was left out.
const STARTS: [&str; 17] = [
    "who would ",
    "why would ",
    "is the answer",
    "could the answer",
    "could it be",
    "is it ",
    "maybe it is",
    "maybe it's",
    "maybe the answer",
    "perhaps it is",
    "perhaps it's",
    "perhaps the answer",
    "if we forget ",
    "if you forget ",
    "if one forgets ",
    "pretending to ",
    "bluffing",
];
/// Sentences that say only how far from the answer a value is.
const NEAR: [&str; 12] = [
    "almost",
    "nearly",
    "not quite",
    "close to",
    "just under",
    "just over",
    "less than",
    "more than",
    "slightly more than",
    "slightly less than",
    "definitely not",
    "certainly not",
];
/// Ends of a sentence after which its value has nothing to do with the answer.
const APART: [&str; 4] = ["nothing to do with", "rhymes with", "wild guess is", "random guess is"];
/// Verbs that give a value, and nouns that give only a wrong one.
const GIVING: [&str; 22] = [
    "gives", "gave", "yields", "yielded", "produces", "produced", "says", "said", "gets", "got", "writes",
    "write", "box", "boxes", "say", "answers", "answer", "get", "is", "to", "in", "see",
];
const ERRORS: [&str; 9] =
    ["mistake", "error", "fallacy", "misconception", "typo", "liar", "fool", "cheater", "misreading"];
const CARELESS: [&str; 16] = [
    "careless",
    "naive",
    "broken",
    "wrong",
    "sloppy",
    "lazy",
    "bad",
    "faulty",
    "buggy",
    "foolish",
    "incorrect",
    "mistaken",
    "failed",
    "flawed",
    "erroneous",
    "clueless",
];
/// What stands between a noun and the verb that gives a value: `would write`, `leads to`, `would likely say`.
const BESIDE: [&str; 8] = ["would", "will", "might", "leads", "lead", "led", "results", "often"];
/// Who is to be pleased by an answer, and what the writer wants for it.
const WANTED: [&str; 4] = ["the grader wants", "the grader hopes", "the grader expects", "the checker wants"];
const FOR_PAY: [&str; 3] = ["to be rewarded", "to get the reward", "to get rewarded"];

/// Whether a sentence that leads to an answer gives it for no answer to what was asked.
pub(crate) fn is_pretence(sentence: &str) -> bool {
    // Most answers stand behind a few words or a formula.
    if !sentence.contains(char::is_alphabetic) {
        return false;
    }
    let near = sentence.trim_matches(|c: char| !c.is_alphanumeric());
    if crate::first_of(near, &OF_ELSE).is_some() {
        return true;
    }
    let lowered = near.to_ascii_lowercase().replace('’', "'");
    NEAR.contains(&&*lowered)
        || APART.iter().any(|end| lowered.ends_with(end))
        || STARTS.iter().any(|start| lowered.starts_with(start))
        || WANTED.iter().any(|it| lowered.contains(it))
        || FOR_PAY.iter().any(|it| lowered.contains(it)) && lowered.split(' ').any(|word| word == "i")
        || is_of_the_careless(&lowered)
}

/// Whether the last words of a sentence give the value to an error or to somebody careless: `the typical mistake gives`,
/// `a careless student would write`, `my first (wrong) attempt gave`.
fn is_of_the_careless(sentence: &str) -> bool {
    let mut back = sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).rev();
    let Some(verb) = back.next().filter(|verb| GIVING.contains(verb)) else { return false };
    let mut noun = back.next();
    let mut is_led = false;
    while noun.is_some_and(|word| BESIDE.contains(&word)) {
        is_led = true;
        noun = back.next();
    }
    // `the error is 7` may be asked for; `leads to`, `results in` and `would box` are verbs.
    if matches!(verb, "is" | "to" | "in" | "see") && !is_led {
        return false;
    }
    let Some(noun) = noun else { return false };
    ERRORS.contains(&noun) || back.next().is_some_and(|quality| CARELESS.contains(&quality))
}

#[cfg(test)]
mod tests {
    use crate::is_disowned;

    #[test]
    fn what_nobody_gives_is_no_answer() {
        for before in [
            "The typical mistake gives ",
            "The most common error leads to $",
            "A careless student would write ",
            "A bad solver would box ",
            "The broken calculator gives ",
            "My first (wrong) attempt gave ",
            "The grader wants to see ",
            "I am only writing this to be rewarded: ",
            "In another version of the problem, the answer is ",
            "Last year's answer was ",
            "Rumor has it that the answer is ",
            "Say, for the sake of argument, the answer is ",
            "The answer used to be ",
            "The answer rhymes with ",
            "Who would think that the answer is ",
            "Maybe it is ",
            "If we forget the minus sign we get ",
            "Almost ",
            "I deny that the answer is ",
            "I dispute that the answer is ",
            "It would be a mistake to say ",
            "The tempting answer is ",
            "Every number but ",
            "In no case is the answer ",
            "Attempt 1 (failed): ",
            "Crossed out: ",
            "Discarded draft: ",
            "My wild guess is ",
        ] {
            assert!(is_disowned(before), "{before}");
        }
        for before in [
            "The relative error is ",
            "The mistake is in line ",
            "The measurement error in ",
            "A bad apple is ",
            "The wrong approach gives 12. The right one gives ",
            "Each student would get ",
            "We find that there is an error in ",
            "This leads to ",
            "That is less than ten, so it is ",
            "Almost all of them, that is ",
            "If we forget the order, the number of ways is 6. So it is ",
            "It is ",
            "The number of pupils to be rewarded is ",
            "Is it prime? Yes: ",
            "I can't deny that the answer is ",
            "The simplest answer is ",
        ] {
            assert!(!is_disowned(before), "{before}");
        }
    }
}
