//! The answer in a box that holds its working: `3x = 21 \Rightarrow x = 7`, `\text{The minimum value is } 26`.

use gavel_text::{find_short, has_short, rfind_short};

/// The longest answer that is looked at, in bytes.
const LONGEST: usize = 600;

/// Words that lead to a value, at the end of what is said before it.
const LEADS: [&str; 16] = [
    "is",
    "are",
    "equals",
    "be",
    "get",
    "have",
    "obtain",
    "find",
    "gives",
    "so",
    "thus",
    "hence",
    "therefore",
    "to",
    "as",
    "conclude",
];

/// Words that leave open, bound or deny what they stand by: with one of these, nothing is concluded.
const FORBIDDEN: [&str; 40] = [
    "or",
    "not",
    "maybe",
    "perhaps",
    "unless",
    "if",
    "either",
    "neither",
    "wrong",
    "incorrect",
    "could",
    "might",
    "may",
    "except",
    "but",
    "least",
    "most",
    "than",
    "between",
    "when",
    "otherwise",
    "else",
    "never",
    "no",
    "cannot",
    "nor",
    "about",
    "false",
    "pretend",
    "suppose",
    "assume",
    "assuming",
    "guess",
    "trap",
    "probably",
    "instead",
    "kidding",
    "half",
    "twice",
    "double",
];

/// Words that say of a value behind it what it is: `26 \text{ is the minimum}`.
const NAMES: [&str; 24] = [
    "is", "the", "our", "minimum", "maximum", "smallest", "largest", "greatest", "final", "answer", "value",
    "number", "total", "sum", "product", "result", "solution", "of", "required", "desired", "correct",
    "possible", "area", "length",
];

/// What an answer comes to, where it is more than a value; `None` where it is not, or where that is left open.
pub(crate) fn conclusion(answer: &str) -> Option<&str> {
    // Where something is concluded, a command, an arrow or words lead to it.
    if answer.len() > LONGEST || !answer.bytes().any(|it| matches!(it, b'\\' | b' ' | 0xe2)) {
        return None;
    }
    let last = last_row(answer).or_else(|| behind_arrow(answer));
    let rest = last.unwrap_or(answer);
    let told = behind_words(rest).or_else(|| before_words(rest)).or_else(|| before_reason(rest));
    told.or(last).map(super::bare).filter(|it| !it.is_empty())
}

/// The last equation of `\begin{aligned} … \end{aligned}`, all of whose rows are equations or inequalities. A row that
/// goes on with the one before, `&= 7`, is no equation by itself.
fn last_row(answer: &str) -> Option<&str> {
    const ENVIRONMENTS: [&str; 5] = ["aligned", "align*", "align", "gathered", "split"];
    let body = answer.trim().strip_prefix("\\begin{")?;
    let rows = ENVIRONMENTS.iter().find_map(|name| {
        let body = body.strip_prefix(name)?.strip_prefix('}')?;
        body.trim_end().strip_suffix('}')?.strip_suffix(name)?.strip_suffix("\\end{")
    })?;
    let rows: Vec<&str> = rows.split("\\\\").map(str::trim).filter(|row| !row.is_empty()).collect();
    let last = *rows.last()?;
    let is_whole = !last.starts_with(['&', '=']);
    (is_whole && derives(&rows, last) && !is_forbidden(answer)).then_some(last)
}

/// Whether steps are equations or inequalities, and none gives the name of the last one another value.
fn derives(steps: &[&str], last: &str) -> bool {
    // Two values of one name contradict each other.
    let name = |text: &str| text.split_once('=').map(|(name, _)| name.replace('&', "").trim().to_owned());
    let is_step = |step: &&str| {
        step.contains(['=', '<', '>'])
            && (std::ptr::eq(*step, last) || name(step).is_none() || name(step) != name(last))
    };
    steps.iter().all(is_step)
}

/// What follows the last arrow of a derivation, all of whose steps are equations or inequalities.
fn behind_arrow(answer: &str) -> Option<&str> {
    const ARROWS: [&str; 6] = ["\\Rightarrow", "\\implies", "\\Longrightarrow", "\\therefore", "⇒", "⟹"];
    let (at, arrow) = ARROWS.iter().filter_map(|arrow| Some((rfind_short(answer, arrow)?, arrow))).max()?;
    let (before, last) = (&answer[..at], answer[at + arrow.len()..].trim());
    let mut steps: Vec<&str> = vec![before];
    for arrow in ARROWS {
        steps = steps.into_iter().flat_map(|step| step.split(arrow)).collect();
    }
    // `\therefore x = 7` has nothing before it.
    steps.retain(|step| !step.trim().is_empty());
    let stands = derives(&steps, last) && !last.is_empty() && !is_forbidden(answer);
    stands.then(|| solved(before, last).unwrap_or(last))
}

/// The value of an expression all of whose letters were given values before: of `x + y = 10` behind `x = 7, y = 3`.
pub(super) fn solved<'a>(before: &str, last: &'a str) -> Option<&'a str> {
    let (expression, value) = last.split_once('=')?;
    let expression = expression.trim();
    let is_plain = expression.chars().all(|c| c.is_ascii_alphanumeric() || " +-*/^{}().".contains(c));
    let letters = || expression.chars().filter(char::is_ascii_alphabetic);
    let is_given = |letter: char| {
        before.match_indices(letter).any(|(at, _)| {
            let alone = !before[..at].ends_with(|c: char| c.is_alphanumeric() || "+-*/^\\)}".contains(c));
            let given = before[at + 1..].trim_start().strip_prefix('=').unwrap_or_default();
            alone && given.trim_start().starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '\\'))
        })
    };
    let is_expression = letters().count() > 1 && is_plain && !value.contains(['=', '<', '>']);
    (is_expression && letters().all(is_given)).then(|| value.trim())
}

/// What stands before `because …`, `since …`.
fn before_reason(answer: &str) -> Option<&str> {
    const TEXT: &str = "\\text{";
    let at = rfind_short(answer, TEXT)?;
    let inner = answer[at + TEXT.len()..].trim_start_matches([' ', '(']);
    let is_reason = ["since", "because"].iter().any(|reason| inner.starts_with(reason));
    (is_reason && !is_forbidden(answer)).then(|| answer[..at].trim().trim_end_matches([',', '\\', ' ']))
}

/// What follows words that end with a verb: all that stands before are words and equations.
fn behind_words(answer: &str) -> Option<&str> {
    if has_short(answer, "\\text") {
        // Behind the last words that lead to something; a unit may follow that.
        let rest = answer.rmatch_indices("\\text").find_map(|(at, _)| {
            let open = at + answer[at..].find('{')?;
            let inner = gavel_text::braced(&answer[open..], LONGEST).filter(|inner| leads(inner))?;
            let said = without_text(&answer[..at]);
            let derives = said.trim().is_empty() || said.contains('=');
            derives.then(|| answer[open + inner.len() + 2..].trim())
        });
        return rest.filter(|rest| !rest.is_empty() && !is_forbidden(answer));
    }
    // `The minimum value is 26`
    let at = rfind_short(answer, " is ")? + " is ".len();
    let (said, rest) = answer.split_at(at);
    let is_prose =
        said.chars().all(|c| c.is_ascii_alphabetic() || c == ' ') && said.split_whitespace().count() > 2;
    (is_prose && !is_forbidden(said)).then_some(rest.trim())
}

/// What stands before `is the minimum`.
fn before_words(answer: &str) -> Option<&str> {
    let body = answer.trim().strip_suffix('}')?;
    let at = rfind_short(body, "\\text")?;
    let open = at + body[at..].find('{')?;
    let inner = &body[open + 1..];
    let before = answer[..at].trim();
    let names = inner.split_whitespace().all(|word| NAMES.contains(&word.to_lowercase().as_str()));
    let is_named = inner.split_whitespace().next() == Some("is") && inner.split_whitespace().count() > 2;
    (names && is_named && !before.is_empty() && !inner.contains('}') && !has_short(before, "\\text"))
        .then_some(before)
}

/// Whether words end as those do that a value follows.
fn leads(words: &str) -> bool {
    const ALONE: [&str; 5] = ["so", "thus", "hence", "therefore", "then"];
    let words = words.trim().trim_end_matches([':', ',', ' ', '~']);
    let last = words.rsplit(' ').next().unwrap_or_default();
    let is = |list: &[&str]| list.iter().any(|lead| lead.eq_ignore_ascii_case(last));
    is(&ALONE) || words.contains(' ') && is(&LEADS) && !bounds(words)
}

/// Whether words end as those do that bound what follows: `up to`, `as many as`, `close to`; and not `adds up to`.
fn bounds(words: &str) -> bool {
    let mut back = words.rsplit(' ').map(str::to_lowercase);
    let (last, before) = (back.next().unwrap_or_default(), back.next().unwrap_or_default());
    let adds = back.next().is_some_and(|word| word.starts_with("add"));
    match last.as_str() {
        "to" => matches!(&*before, "up" | "close" | "near" | "next" | "prior") && !adds,
        "as" => matches!(&*before, "many" | "much" | "few" | "little"),
        _ => false,
    }
}

fn is_forbidden(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic())
        .any(|word| FORBIDDEN.iter().any(|it| it.eq_ignore_ascii_case(word)))
}

/// A text without the arguments of `\text`.
fn without_text(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find_short(rest, "\\text") {
        bare.push_str(&rest[..at]);
        rest = match rest[at..].find('}') {
            Some(end) => &rest[at + end + 1..],
            None => "",
        };
    }
    bare.push_str(rest);
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_comes_to_its_last_member() {
        for (answer, last) in [
            (r"3x=21 \Rightarrow x=7", "x=7"),
            (r"\text{Since }5+n=17,\text{ we get }n=12", "n=12"),
            (r"\text{The minimum value is } 26", "26"),
            (r"26 \text{ is the minimum}", "26"),
            ("The minimum value is 26", "26"),
            (r"x^2=4, x>0 \implies x=2", "x=2"),
        ] {
            assert_eq!(conclusion(answer), Some(last), "{answer}");
        }
    }

    #[test]
    fn what_is_left_open_comes_to_nothing() {
        for answer in [
            "7",
            r"8 \Rightarrow 7",
            r"x=8 \Rightarrow x=7",
            r"7 \text{ or maybe it is } 8",
            r"\text{It is not } 7",
            r"7 \text{ is wrong}",
            r"7 \text{ is the number not}",
            r"\text{The answer is at least } 7",
            r"\text{apples } 7",
            r"8, \text{ which is } 7",
            r"\text{up to } 7",
            r"\text{as many as } 7",
        ] {
            assert_eq!(conclusion(answer), None, "{answer}");
        }
    }
}
