//! The variants of a response that loose judging accepts beside the response itself.

/// The response without asterisks, and without its first line, last line or both, with and without asterisks.
///
/// Seven, in IFEval's order; many have a first line such as "Sure, here it is:" to forgive.
pub(crate) fn variants(response: &str) -> [String; 7] {
    let first = response.split_once('\n').map_or("", |(_, rest)| rest);
    let last = response.rsplit_once('\n').map_or("", |(rest, _)| rest);
    let both = first.rsplit_once('\n').map_or("", |(rest, _)| rest);
    let [first, last, both] = [first, last, both].map(str::trim);
    let plain = |text: &str| text.replace('*', "");
    [
        plain(response),
        first.to_owned(),
        last.to_owned(),
        both.to_owned(),
        plain(first),
        plain(last),
        plain(both),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_asterisks_are_taken_away() {
        assert_eq!(
            variants("Sure:\n*a*\nbye"),
            ["Sure:\na\nbye", "*a*\nbye", "Sure:\n*a*", "*a*", "a\nbye", "Sure:\na", "a"]
        );
    }

    #[test]
    fn of_one_line_nothing_is_left() {
        assert_eq!(variants("*a*"), ["a", "", "", "", "", "", ""]);
    }
}
