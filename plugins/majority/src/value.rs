//! Numbers that are written in several ways, in one: `0.50`, `1/2` and `\frac{1}{2}` are one answer.

/// The longest number that is read, in digits: so many fit.
const MOST_DIGITS: usize = 18;

/// A number in lowest terms, as text; `None` where it is none, or longer than is read.
pub(crate) fn of(answer: &str) -> Option<String> {
    let text = answer.trim().trim_matches('$').trim().trim_end_matches('.');
    let (over, under) = fraction(text).or_else(|| decimal(text))?;
    let divisor = greatest_common_divisor(over.unsigned_abs(), under.unsigned_abs());
    let (over, under) = (over / divisor as i128, under / divisor as i128);
    Some(if under == 1 { over.to_string() } else { format!("{over}/{under}") })
}

/// `3/4`, `\frac{3}{4}` and its like.
fn fraction(text: &str) -> Option<(i128, i128)> {
    let (sign, unsigned) = signed(text);
    let latex =
        ["\\frac{", "\\dfrac{", "\\tfrac{"].into_iter().find_map(|start| unsigned.strip_prefix(start));
    let (over, under) = match latex {
        Some(rest) => rest.strip_suffix('}')?.split_once("}{")?,
        None => unsigned.split_once('/')?,
    };
    let under = whole(under)?;
    (under != 0).then_some((sign * whole(over)?, under))
}

/// `1,234.50`.
fn decimal(text: &str) -> Option<(i128, i128)> {
    let (sign, unsigned) = signed(text);
    let (whole_part, part) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let whole_part = without_thousands(whole_part)?;
    let digits = format!("{whole_part}{part}");
    let under = 10_i128.pow(u32::try_from(part.len()).ok().filter(|_| part.len() <= MOST_DIGITS)?);
    Some((sign * whole(&digits)?, under))
}

fn signed(text: &str) -> (i128, &str) {
    match text.strip_prefix('-').or_else(|| text.strip_prefix('−')) {
        Some(rest) => (-1, rest.trim_start()),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn whole(digits: &str) -> Option<i128> {
    let digits = digits.trim();
    let is_number =
        !digits.is_empty() && digits.len() <= MOST_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// A comma parts thousands where three digits follow each, and one to three come before the first.
fn without_thousands(text: &str) -> Option<String> {
    let mut groups = text.split(',');
    let first = groups.next()?;
    let fits = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
    (fits || !text.contains(',')).then(|| text.replace(',', ""))
}

fn greatest_common_divisor(one: u128, other: u128) -> u128 {
    if other == 0 { one.max(1) } else { greatest_common_divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_one_spelling() {
        for (answers, expected) in [
            (&["1/2", "0.5", "0.50", r"\frac{1}{2}", r"\dfrac{2}{4}", "$0.5$", ".5"][..], "1/2"),
            (&["1234", "1,234", "1,234.", "1234.0", "+1234"], "1234"),
            (&["-3", "−3", "-6/2", r"-\frac{3}{1}", "-3.00"], "-3"),
            (&["0", "-0", "0/7", "0.0"], "0"),
        ] {
            for answer in answers {
                assert_eq!(of(answer).as_deref(), Some(expected), "{answer}");
            }
        }
        for text in
            ["", "x", "1/0", "1,23", "1.2.3", "3 apples", "1/2/3", r"\frac{1}{x}", "12345678901234567890"]
        {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
