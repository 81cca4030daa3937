//! What other languages have in an expression and this one has not: looked for where an expression is none, to say how it is
//! written here.

use crate::error::FormulaError;

/// Words of Python and SQL.
const WORDS: [(&str, &str); 5] = [
    ("and", "&&"),
    ("or", "||"),
    ("not", "!"),
    ("else", "if(condition, a, b)"),
    ("in", "task.column == 'a' || task.column == 'b'"),
];

/// Operators of other languages.
const OPERATORS: [(&str, &str); 8] = [
    ("**", "^"),
    ("=", "=="),
    ("===", "=="),
    ("!==", "!="),
    ("<>", "!="),
    ("&", "&&"),
    ("|", "||"),
    ("?", "if(condition, a, b)"),
];

/// The first that there is of another language in an expression over these verifiers.
pub(super) fn find(text: &str, verifiers: &[&str]) -> Option<FormulaError> {
    let is_part_of_a_name = |letter: char| letter.is_alphanumeric() || "_.:".contains(letter);
    let is_part_of_an_operator = |letter: char| "*=<>!&|?".contains(letter);
    let operator = text
        .split(|letter| !is_part_of_an_operator(letter))
        .find_map(|run| OPERATORS.into_iter().find(|(operator, _)| *operator == run));
    let word = || {
        text.split(|letter| !is_part_of_a_name(letter))
            .find_map(|name| WORDS.into_iter().find(|(word, _)| *word == name && !verifiers.contains(word)))
    };
    if let Some((found, instead)) = operator.or_else(word) {
        let found = match found {
            "?" => "? :",
            found => found,
        };
        return Some(foreign(found, instead));
    }
    if text.contains('[') {
        return Some(foreign("[…]", "task.column"));
    }
    let factors = text.split(|letter| !is_part_of_a_name(letter)).find_map(|name| factors(name, verifiers));
    factors.map(|(number, name)| foreign(&format!("{number}{name}"), &format!("{number} * {name}")))
}

fn foreign(found: &str, instead: &str) -> FormulaError {
    FormulaError::Foreign { found: found.to_owned(), instead: instead.to_owned() }
}

/// What evalexpr would read as the beginning of a comment: the rest of the expression would be left out, where somebody
/// divides as in Python. Texts stand in double quotes.
pub(super) fn comment(text: &str) -> Option<FormulaError> {
    let mut quoted = false;
    let mut before = ' ';
    for letter in text.chars() {
        match (before, letter) {
            ('\\', _) if quoted => {
                before = ' ';
                continue;
            }
            (_, '"') => quoted = !quoted,
            ('/', '/') if !quoted => return Some(foreign("//", "floor(a / b)")),
            ('/', '*') if !quoted => return Some(foreign("/* */", "# and a comment behind the formula")),
            _ => {}
        }
        before = letter;
    }
    None
}

/// The number and the name of a product without a sign between them: of `0.5accuracy.correct`, 0.5 and the rest.
fn factors<'a>(written: &'a str, verifiers: &[&str]) -> Option<(&'a str, &'a str)> {
    let name = written.find(|letter: char| letter.is_alphabetic() || letter == '_')?;
    let (number, name) = written.split_at(name);
    let verifier = name.split('.').next().unwrap_or(name);
    (number.parse::<f64>().is_ok() && verifiers.contains(&verifier)).then_some((number, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_languages_have_is_told_by_what_it_is_here() {
        for (text, found, instead) in [
            ("accuracy > 0 and format > 0", "and", "&&"),
            ("if(not (accuracy > 0), 1, 0)", "not", "!"),
            ("1 if accuracy > 0 else 0", "else", "if(condition, a, b)"),
            ("accuracy > 0 ? 1 : 0", "? :", "if(condition, a, b)"),
            ("accuracy**2", "**", "^"),
            ("if(accuracy = 1, 1, 0)", "=", "=="),
            ("if(accuracy === 1, 1, 0)", "===", "=="),
            ("if(accuracy > 0 & format > 0, 1, 0)", "&", "&&"),
            ("0.5accuracy + format", "0.5accuracy", "0.5 * accuracy"),
            ("task[\"weight\"] * accuracy", "[…]", "task.column"),
            ("if(task.a in list, 1, 0)", "in", "task.column == 'a' || task.column == 'b'"),
            ("accuracy + 2format.has_think", "2format.has_think", "2 * format.has_think"),
        ] {
            let error = find(text, &["accuracy", "format"]).map(|error| error.to_string());
            assert_eq!(error, Some(format!("there is no `{found}`; write `{instead}`")), "{text}");
        }
    }

    #[test]
    fn what_evalexpr_takes_for_a_comment_is_said_and_texts_may_hold_it() {
        let found = |text: &str| comment(text).map(|error| error.to_string());
        assert_eq!(found("acc // 2 + form").unwrap(), "there is no `//`; write `floor(a / b)`");
        assert!(found("acc /* x */ + 1").is_some());
        assert_eq!(found("acc / 2 * form"), None);
        assert_eq!(found(r#"if(task.url == "https://a/*\"//", acc, 1)"#), None);
    }

    #[test]
    fn what_is_wrong_in_another_way_is_not_told_so() {
        for text in
            ["accuracy +", "acuracy > 0 && !(format != 1)", "1e-3 * acuracy", "0x10 + a", "accuracy >= 1"]
        {
            assert!(find(text, &["accuracy", "format"]).is_none(), "{text}");
        }
        assert!(find("and + 1 +", &["and"]).is_none(), "a verifier may be called so");
    }
}
