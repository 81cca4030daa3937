//! What is attached to a box in its formula and belongs to the answer: `-\boxed{4}`, `\frac{1}{\boxed{2}}`.

use gavel_text::{end_of, end_of_last, find_short, first_of, has_short, rfind_short};

use super::operand::{self, trimmed_end, trimmed_start};

/// How far around a box its formula is looked at, in bytes.
const NEAR: usize = 300;

/// The content of a box with the sign in front of it and the power, root or factor behind it; `None` without them.
///
/// `start` and `end` are those of the box.
pub(super) fn around(text: &str, start: usize, end: usize, content: &str) -> Option<String> {
    if let Some(relation) = relation(&text[..start], &text[end..], content) {
        return Some(relation);
    }
    let behind = behind(&text[end..]);
    let before = before(&text[..start]);
    let sign = sign(before);
    let suffix = suffix(behind);
    // `3 + \boxed{4} = 7` fills a blank.
    let is_blank = behind.contains(['=', '<', '>']);
    let has_operators =
        sign.is_empty() && operand::is_operated(before) || suffix.is_empty() && operand::operates(behind);
    if has_operators && !is_blank {
        // `1\boxed{7}` is read as 17.
        let digits = |c: char| c.is_ascii_digit() || c == '.';
        return Some(match before.ends_with(digits) || behind.starts_with(digits) {
            true => format!("{before}{content}{behind}"),
            false => format!("{before}({content}){behind}"),
        });
    }
    if sign.is_empty() && suffix.is_empty() {
        return None;
    }
    // A sum stays together under its sign and its exponent.
    let is_plain = content.trim().bytes().all(|it| it.is_ascii_alphanumeric() || it == b'.');
    let content = if is_plain || suffix.is_empty() && !content.contains(['+', '-', '=', ',', '<', '>']) {
        content.to_owned()
    } else {
        format!("({content})")
    };
    Some(format!("{sign}{content}{suffix}"))
}

/// The relation that a formula states of a box, which is then no value by itself: `x < \boxed{7}`, `\boxed{7} \neq x`. One
/// that holds between the box and a number, as in `\boxed{7} > 5`, only speaks of it.
fn relation(before: &str, behind: &str, content: &str) -> Option<String> {
    const RELATIONS: [&str; 19] = [
        "\\not =", "\\not=", "\\neq", "\\ne", "\\nless", "\\ngtr", "!==", "!=", "≠", "\\gg", "\\ll",
        "\\prec", "\\succ", "≪", "≫", "\\lt", "\\gt", "<", ">",
    ];
    let ends = |c: char| matches!(c, ' ' | '$' | '{' | '(' | '|');
    let left = trimmed_end(before.trim_end_matches(ends), "\\,").trim_end_matches(ends);
    if let Some((side, sign)) = bound_before(before, left) {
        return Some(format!("{side} {sign} {content}").trim_start().to_owned());
    }
    // Hardly any box has one before it.
    let last = left.chars().next_back();
    let may_end = last.is_some_and(|c| matches!(c, '=' | '<' | '>' | '≠' | '≪' | '≫' | 'a'..='z'));
    let may_end = may_end && (!last.is_some_and(char::is_alphabetic) || end_of(left, 8).contains('\\'));
    let found = RELATIONS.iter().filter(|_| may_end).find_map(|sign| Some((left.strip_suffix(sign)?, *sign)));
    if let Some((left, sign)) = found {
        let side = side_before(left);
        // `=>` and `->` are arrows, `>>` and `</b>` ends of what stands before.
        let is_arrow = left.ends_with(['-', '=', '<', '>', '~', '/']) || is_tag(left, sign);
        if !is_arrow && side.contains(|c: char| c.is_alphanumeric()) && side.len() < NEAR {
            return Some(format!("{side} {sign} {content}"));
        }
    }
    let right = behind.trim_start_matches(|c: char| matches!(c, ' ' | '$' | '}' | ')' | '|'));
    let right = trimmed_start(right, "\\,").trim_start();
    if let Some((sign, side)) = bound_behind(before, right) {
        return Some(format!("{content} {sign} {side}"));
    }
    if !right.starts_with(['\\', '!', '<', '>', '≠', '≪', '≫']) {
        return None;
    }
    let sign = RELATIONS.iter().find(|sign| right.starts_with(**sign))?;
    let side = right[sign.len()..].trim_start();
    let is_command =
        sign.ends_with(char::is_alphabetic) && right[sign.len()..].starts_with(char::is_alphabetic);
    let is_tag =
        *sign == "<" && right[1..].starts_with(|c: char| c.is_alphabetic() || matches!(c, '/' | '|' | '!'));
    let name = side.trim_start_matches(['$', '{', '|']);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !name[1..].starts_with(|c: char| c.is_ascii_alphabetic());
    // `|\boxed{7}| < 1` is false of 7.
    let is_of_a_part = behind.trim_start().starts_with('|');
    (!is_command && !is_tag && (is_name || is_of_a_part)).then(|| {
        let side = &side[..side.find(['$', ' ', '\n', '.']).unwrap_or(side.len())];
        format!("{content} {sign} {side}")
    })
}

/// The signs of bounds, longer ones before those that they start with.
const BOUNDS: [&str; 10] =
    ["\\geqslant", "\\leqslant", "\\geq", "\\leq", "\\ge", "\\le", "≥", "≤", "\\gtrsim", "\\lesssim"];

/// The bound that a text states of the box behind it, as its other side and its sign: `x \ge \boxed{7}`. Where the text is
/// about a least or a greatest value, that is the answer.
fn bound_before<'t>(before: &str, left: &'t str) -> Option<(&'t str, &'t str)> {
    if !left.ends_with(['e', 'q', 't', 'm', '≥', '≤']) {
        return None;
    }
    let sign = BOUNDS.iter().find(|sign| left.ends_with(**sign))?;
    let (rest, sign) = left.split_at(left.len() - sign.len());
    let rest = rest.trim_end();
    let formula = formula_before(rest);
    // `-3 \le x \le \boxed{7}` bounds on both sides.
    let is_chain = first_of(formula, &BOUNDS).is_some() || formula.contains(['<', '>']);
    let side = if is_chain { formula } else { side_before(rest) };
    (!speaks_of_an_extreme(end_of(before, 2 * NEAR))).then_some((side, sign))
}

/// The bound that a text states of the box before it: `\boxed{7} \le x`. One of a number only compares.
fn bound_behind<'t>(before: &str, right: &'t str) -> Option<(&'t str, &'t str)> {
    let sign = BOUNDS.iter().find(|sign| right.starts_with(**sign))?;
    let (sign, rest) = right.split_at(sign.len());
    let is_command = sign.ends_with(char::is_alphabetic) && rest.starts_with(char::is_alphabetic);
    let side = rest.trim_start();
    let side = side[..side.find(['$', '\n', '.']).unwrap_or(side.len())].trim_end_matches(['\\', ' ', ',']);
    let mut letters = side.chars();
    let is_name = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && !letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && side.len() < NEAR
        && !side.contains(' ');
    (!is_command && is_name && !speaks_of_an_extreme(end_of(before, 2 * NEAR))).then_some((sign, side))
}

/// A bound, as a text states it of its box, whose value is asked for: `x \ge 7` where the prompt asks for the least value.
pub(crate) fn bound_asked_for<'a>(answer: &'a str, prompt: &str) -> Option<&'a str> {
    let (at, sign) = first_of(answer, &BOUNDS)?;
    let (left, right) = (answer[..at].trim(), answer[at + sign.len()..].trim());
    // Of two sides, the value is the one without letters.
    let has_letters = |side: &str| side.starts_with(|c: char| c.is_ascii_alphabetic());
    let value = if left.is_empty() || has_letters(left) { right } else { left };
    (speaks_of_an_extreme(prompt) && first_of(value, &BOUNDS).is_none()).then_some(value)
}

/// Whether a text is about a least or a greatest value.
fn speaks_of_an_extreme(text: &str) -> bool {
    const EXTREMES: [&str; 10] = [
        "minim", "maxim", "least", "greatest", "largest", "smallest", "bound", "at most", "fewest",
        "equality",
    ];
    // `determine`, `minutes` and `inequality` are other words.
    let is_word = |word: &str, is_whole: bool| {
        let places = memchr::memmem::find_iter(text.as_bytes(), word);
        places.into_iter().any(|at| {
            !text[..at].ends_with(|c: char| c.is_alphabetic())
                && !(is_whole && text[at + word.len()..].starts_with(|c: char| c.is_alphabetic()))
        })
    };
    EXTREMES.iter().any(|word| is_word(word, false)) || ["min", "max"].iter().any(|word| is_word(word, true))
}

/// The formula or the line that ends a text.
fn formula_before(left: &str) -> &str {
    let near = end_of(left, NEAR);
    near[end_of_last(near, &["$", "\\(", "\\[", "\n", "&", ": "]).unwrap_or(0)..].trim()
}

/// The side of a relation that ends a text, from the start of its formula or the last white space of its line on.
fn side_before(left: &str) -> &str {
    let near = end_of(left, NEAR);
    let side = &near[end_of_last(near, &["$", "\\(", "\\[", "\n", "=", "&", ", ", ": "]).unwrap_or(0)..];
    let side = side.trim();
    side.rsplit(' ').next().unwrap_or(side)
}

/// Whether `<` or `>` belongs to a tag of HTML and not to a formula.
fn is_tag(left: &str, sign: &str) -> bool {
    let tag = || left.rfind('<').map(|at| &left[at + 1..]);
    sign == ">"
        && tag().is_some_and(|tag| {
            tag.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '|' | '!'))
        })
}

/// What stands before the box in its formula or its line.
fn before(text: &str) -> &str {
    let mut start = text.len().saturating_sub(NEAR);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let near = &text[start..];
    let opens = ["$", "\\(", "\\[", "\n", "=", "&", "\\approx", "\\Rightarrow", "\\implies", "\\\\"];
    &near[end_of_last(near, &opens).unwrap_or(0)..]
}

/// What stands behind the box in its formula or its line.
fn behind(text: &str) -> &str {
    let mut end = text.len().min(NEAR);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let near = &text[..end];
    let closes = ["$", "\\)", "\\]", "\n", "\\approx", "\\\\"];
    &near[..first_of(near, &closes).map_or(end, |(at, _)| at)]
}

/// A minus that stands directly in front of the box, where it is no operator and no dash.
fn sign(before: &str) -> &'static str {
    let tight = trimmed_end(trimmed_end(before, "\\,"), "\\ ");
    let Some((rest, sign)) =
        [("-", "-"), ("−", "-"), ("\\pm", "\\pm "), ("\\mp", "\\mp "), ("\\sqrt", "\\sqrt ")]
            .iter()
            .find_map(|(spelling, sign)| Some((tight.strip_suffix(spelling)?, *sign)))
    else {
        return "";
    };
    let rest = rest.trim_end();
    let is_first = rest.is_empty() || rest.ends_with(['=', ':', '<', '>', '{', '(', ',']);
    // In prose a sign behind a word and a space is one too: `it is -\boxed{4}`.
    let is_behind_word = rest.ends_with(|c: char| c.is_ascii_lowercase()) && before.len() > rest.len() + 1;
    if is_first || is_behind_word { sign } else { "" }
}

/// A power, a root or a factor of π that stands directly behind the box.
fn suffix(behind: &str) -> &str {
    let rest = trimmed_start(behind, "\\,").trim_start();
    let is_mark = [
        "^\\circ",
        "^{\\circ",
        "^{\\text",
        "^{th",
        "^\\text",
        "^{\\mathrm",
        "^{\\prime",
        "^°",
        "^{°",
        "^\\prime",
    ]
    .iter()
    .any(|it| rest.starts_with(it));
    // `\boxed{101}_2` names the base.
    if let Some(index) = behind.strip_prefix('_') {
        let length = gavel_text::braced(index, NEAR)
            .map(|inner| inner.len() + 2)
            .or_else(|| index.chars().next().filter(|it| it.is_alphanumeric()).map(char::len_utf8));
        return length.map_or("", |length| &behind[..=length]);
    }
    // `\boxed{3}^2 = 9` fills a blank.
    if is_mark || behind.contains(['=', '<', '>']) {
        return "";
    }
    if let Some(power) = behind.strip_prefix('^') {
        let length = match gavel_text::braced(power, NEAR) {
            Some(inner) => inner.len() + 2,
            None => power.chars().next().filter(|it| it.is_alphanumeric()).map_or(0, char::len_utf8),
        };
        return if length == 0 { "" } else { &behind[..=length] };
    }
    for factor in ["\\sqrt", "\\pi", "\\cdot", "\\times"] {
        if rest.starts_with(factor) && !rest[factor.len()..].starts_with(|c: char| c.is_alphabetic()) {
            let length = rest
                .find([',', ';', '.'])
                .into_iter()
                .chain(["\\text", "\\mathrm", "\\quad", "\\ "].iter().filter_map(|it| find_short(rest, it)))
                .min()
                .unwrap_or(rest.len());
            let found = rest[..length].trim_end();
            let is_operator = factor.starts_with("\\cdot") || factor.starts_with("\\times");
            return if is_operator && !found.contains(|c: char| c.is_ascii_digit()) { "" } else { found };
        }
    }
    ""
}

/// The fraction or root in whose braces the box stands, without boxes: `\frac{1}{\boxed{2}}`.
pub(super) fn enclosing(text: &str, start: usize, end: usize, content: &str) -> Option<String> {
    let before = before(&text[..start]);
    // Most boxes stand in no braces.
    if !before.contains('{') {
        return None;
    }
    let behind = behind(&text[end..]);
    if behind.contains(['=', '<', '>']) {
        return None;
    }
    let command = ["\\frac{", "\\dfrac{", "\\tfrac{", "\\sqrt{"]
        .iter()
        .filter_map(|it| rfind_short(before, it).map(|at| (at, it.len())))
        .max()?;
    let opened = &before[command.0..];
    let depth = |text: &str| text.matches('{').count().checked_sub(text.matches('}').count());
    // The box stands in it: its brace is not closed before.
    let open = depth(opened)?;
    if open == 0 {
        return None;
    }
    let is_fraction = has_short(&before[command.0..], "frac");
    let in_first = !opened[command.1..].contains('}');
    let mut level = open;
    for (at, byte) in behind.bytes().enumerate() {
        match byte {
            b'{' => level += 1,
            b'}' => level -= 1,
            _ => {}
        }
        let goes_on = is_fraction && in_first && behind[at + 1..].starts_with('{');
        if level == 0 && !goes_on {
            let whole = format!("{before}{content}{}", &behind[..=at]);
            return Some(whole.replace("\\boxed", ""));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::boxed::placed;

    fn boxed(text: &str) -> Option<String> {
        placed(text).map(|it| it.content.into_owned())
    }

    #[test]
    fn what_is_attached_belongs_to_the_answer() {
        for (text, answer) in [
            (r"$x = -\boxed{4}$", "-4"),
            (r"it is -\boxed{4}", "-4"),
            (r"$x = -\boxed{a+b}$", "-(a+b)"),
            (r"$x = \pm\boxed{3}$", r"\pm 3"),
            (r"$\boxed{2}^3$", "2^3"),
            (r"$\boxed{3}\sqrt2$.", r"3\sqrt2"),
            (r"$\boxed{6} \times 10^{5}$", r"6\times 10^{5}"),
            (r"$\frac{1}{\boxed{2}}$", r"\frac{1}{2}"),
            (r"$\frac{\boxed{1}}{\boxed{2}}$", r"\frac{{1}}{2}"),
            (r"$\boxed{2}$ and $-\boxed{3}$", "2, -3"),
            (r"$\boxed{101}_2$", "101_2"),
            (r"$x < \boxed{7}$", "x < 7"),
            (r"so x \neq \boxed{7}.", r"x \neq 7"),
            (r"$\boxed{7} \neq x$", r"7 \neq x"),
            (r"$|\boxed{7}| < 1$", "7 < 1"),
            (r"so $x \ge \boxed{7}$.", r"x \ge 7"),
            (r"$-3 \le x \le \boxed{7}$", r"-3 \le x \le 7"),
            (r"$\boxed{7} \le x$", r"7 \le x"),
            (r"$\overline{\boxed{7}}$", r"\overline{(7)}"),
            (r"$\boxed{7}i$", "(7)i"),
        ] {
            assert_eq!(boxed(text).as_deref(), Some(answer), "{text}");
        }
    }

    #[test]
    fn what_only_stands_near_a_box_does_not() {
        for text in [
            r"$5 - \boxed{4} = 1$",
            r"$2^{\boxed{4}} = 16$",
            r"$\boxed{4}^\circ$",
            r"$\boxed{4}\text{ cm}^2$",
            r"$\frac{8}{2} = \boxed{4}$",
            r"- \boxed{4}",
            r"Answer - \boxed{4}",
            r"$\color{red}{\boxed{4}}$",
            r"$\boxed{4} > 3$",
            r"=> \boxed{4}",
            r"x -> \boxed{4}",
            r"</b> \boxed{4}<br>",
            "> \\boxed{4}",
            r"The minimum is attained, so $f(x) \ge \boxed{4}$",
            r"$\boxed{4} \le 5$",
            r"$\boxed{4}<b>",
        ] {
            assert_eq!(boxed(text).as_deref(), Some("4"), "{text}");
        }
    }
}
