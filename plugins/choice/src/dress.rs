//! What may stand around a letter and say nothing: brackets, bold, LaTeX, quotes, words such as "option".

use gavel_text::braced;

/// Words that may stand before a letter.
const LEADS: [&str; 47] = [
    "a letra",
    "a opção",
    "a alternativa",
    "likely",
    "most",
    "probably",
    "clearly",
    "definitely",
    "thus",
    "therefore",
    "hence",
    "letra",
    "chọn",
    "réponse",
    "respuesta",
    "resposta",
    "risposta",
    "donc",
    "daher",
    "also",
    "dus",
    "option",
    "choice",
    "answer",
    "letter",
    "statement",
    "both",
    "either",
    "options",
    "choices",
    "the",
    "opción",
    "opcion",
    "opção",
    "opzione",
    "alternativa",
    "choix",
    "la",
    "l'option",
    "die",
    "antwort",
    "pilihan",
    "вариант",
    "选项",
    "選項",
    "选",
    "選",
];

/// Skips white space, marks of layout, opening brackets and words such as "option". Says whether a bracket or a mark
/// of emphasis stands right before what follows.
pub(crate) fn skip_to_mark(text: &str) -> (bool, &str) {
    let mut rest = text;
    let mut opened = false;
    loop {
        let before = rest;
        rest = rest.trim_start();
        if rest.len() < before.len() {
            opened = false;
        }
        let bare = rest.trim_start_matches(is_opening);
        if bare.len() < rest.len() {
            opened = true;
            rest = bare;
        }
        if let Some(after) = command(rest) {
            (opened, rest) = (true, after);
        }
        if let Some(after) = LEADS.iter().find_map(|lead| word_at(rest, lead)) {
            (opened, rest) = (false, after);
        }
        if rest.len() == before.len() {
            return (opened, rest);
        }
    }
}

fn is_opening(c: char) -> bool {
    matches!(
        c,
        '(' | '['
            | '{'
            | '*'
            | '_'
            | '"'
            | '\''
            | '`'
            | '$'
            | '“'
            | '‘'
            | '「'
            | '『'
            | '【'
            | '（'
            | '《'
            | '«'
            | '<'
            | '＂'
    )
}

pub(crate) fn is_closing(c: char) -> bool {
    matches!(
        c,
        ')' | ']'
            | '}'
            | '*'
            | '_'
            | '"'
            | '\''
            | '`'
            | '$'
            | '”'
            | '’'
            | '」'
            | '』'
            | '】'
            | '）'
            | '》'
            | '»'
            | '>'
            | '＂'
    )
}

/// The rest behind a LaTeX command that only sets type, or opens a formula.
fn command(text: &str) -> Option<&str> {
    const COMMANDS: [&str; 9] =
        ["textbf", "textrm", "text", "mathrm", "mathbf", "mathsf", "boxed", "fbox", "bf"];
    let name = text.strip_prefix('\\')?;
    if let Some(rest) = name.strip_prefix(['(', '[']) {
        return Some(rest);
    }
    let (command, rest) = COMMANDS.iter().find_map(|it| Some((it, name.strip_prefix(it)?)))?;
    // A box that is not closed was cut off, and is no answer.
    let is_whole = !matches!(*command, "boxed" | "fbox") || rest.contains('}');
    (is_whole && !rest.starts_with(char::is_alphabetic)).then_some(rest)
}

/// The rest behind `word`, in any case, when it stands there as a whole. Words of scripts without spaces end anywhere.
pub(crate) fn word_at<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = strip_folded(text, word)?;
    let is_ascii = word.ends_with(|c: char| c.is_ascii());
    (!(is_ascii || word.starts_with('в')) || !rest.starts_with(char::is_alphanumeric)).then_some(rest)
}

/// The rest behind `start`, which is in lower case, whatever the case in `text`.
pub(crate) fn strip_folded<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let mut rest = text.chars();
    for wanted in start.chars() {
        let found = rest.next()?;
        let same = match found.is_ascii() {
            true => found.to_ascii_lowercase() == wanted,
            false => found == wanted || found.to_lowercase().eq([wanted]),
        };
        if !same {
            return None;
        }
    }
    Some(rest.as_str())
}

/// What follows the brackets and marks that close a letter.
pub(crate) fn closed(text: &str) -> &str {
    let rest = text.trim_start_matches(is_closing);
    match rest.strip_prefix("\\)").or_else(|| rest.strip_prefix("\\]")) {
        Some(rest) => rest,
        None => rest,
    }
}

/// A text in the spelling in which choices are compared: lower case, single spaces, nothing around it.
pub(crate) fn plain(text: &str) -> String {
    let text = without_commands(&without_text_groups(text));
    let around = |c: char| {
        c.is_whitespace() || matches!(c, '*' | '"' | '\'' | '`' | '$' | '“' | '”' | '.' | '。' | '_')
    };
    let mut text = text.trim_matches(around);
    // Braces come off in pairs: the last one of `\frac{1}{2}` is part of it.
    while let Some(inner) = braced(text, text.len()).filter(|inner| inner.len() + 2 == text.len()) {
        text = inner.trim_matches(around);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// A text that is a formula in one spelling, see [`spelt`]; empty for prose.
pub(crate) fn formula(text: &str) -> String {
    if text.contains(['\\', '^', '+', '=', '$', '/', '-', '%', '(']) { spelt(text) } else { String::new() }
}

/// A formula in one spelling: without white space, dollar signs, layout, what sets text, and braces around one character
/// or one command; with one name for each sign.
pub(crate) fn spelt(text: &str) -> String {
    const LAYOUT: [&str; 12] = [
        "\\left",
        "\\right",
        "\\displaystyle",
        "\\,",
        "\\;",
        "\\:",
        "\\!",
        "\\ ",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
    ];
    const NAMES: [(&str, &str); 10] = [
        ("\\dfrac", "\\frac"),
        ("\\tfrac", "\\frac"),
        ("\\leq", "\\le"),
        ("\\geq", "\\ge"),
        ("\\neq", "\\ne"),
        ("\\times", "*"),
        ("\\cdot", "*"),
        ("\\%", "%"),
        ("\\$", "$"),
        ("°", "^\\circ"),
    ];
    let mut text = without_commands(&without_text_groups(text));
    for layout in LAYOUT {
        text = text.replace(layout, "");
    }
    for (name, usual) in NAMES {
        text = text.replace(name, usual);
    }
    let signs: Vec<char> =
        text.trim().trim_end_matches('.').chars().filter(|c| !c.is_whitespace() && *c != '$').collect();
    let mut spelling = String::with_capacity(signs.len());
    let mut at = 0;
    while at < signs.len() {
        let command = match signs[at..] {
            ['{', '\\', ..] => signs[at + 2..].iter().take_while(|c| c.is_ascii_alphabetic()).count(),
            _ => 0,
        };
        match signs[at..] {
            ['{', inner, '}', ..] if !matches!(inner, '{' | '}' | '\\') => {
                spelling.push(inner);
                at += 3;
            }
            _ if command > 0 && signs.get(at + 2 + command) == Some(&'}') => {
                spelling.extend(&signs[at + 1..at + 2 + command]);
                at += 3 + command;
            }
            _ => {
                spelling.push(signs[at]);
                at += 1;
            }
        }
    }
    spelling
}

/// A text with the contents of `\text{…}` and its like in the place of these.
fn without_text_groups(text: &str) -> String {
    const GROUPS: [&str; 6] = ["\\text{", "\\mathrm{", "\\textbf{", "\\textrm{", "\\mathbf{", "\\mathit{"];
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bare.push_str(&rest[..at]);
        let tail = &rest[at..];
        let inner = GROUPS.iter().find(|group| tail.starts_with(**group)).and_then(|group| {
            let open = group.len() - 1;
            let inner = braced(&tail[open..], tail.len())?;
            Some((inner, open + inner.len() + 2))
        });
        rest = match inner {
            Some((inner, length)) => {
                bare.push_str(inner);
                &tail[length..]
            }
            None => {
                bare.push('\\');
                &tail[1..]
            }
        };
    }
    bare.push_str(rest);
    bare
}

/// A text without the LaTeX commands that only set type.
pub(crate) fn without_commands(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bare.push_str(&rest[..at]);
        let tail = &rest[at..];
        rest = match command(tail).or_else(|| tail.strip_prefix("\\)")).or_else(|| tail.strip_prefix("\\]")) {
            Some(after) => after,
            None => {
                bare.push('\\');
                &tail[1..]
            }
        };
    }
    bare.push_str(rest);
    bare
}
