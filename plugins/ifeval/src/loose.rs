//! The variants of a response that loose judging accepts beside the response itself.

/// The response without its first line, its last line or both, and it and these without asterisks.
///
/// IFEval has seven; those that are empty, and so follow nothing, or like the response are left out.
pub(crate) fn variants(response: &str) -> Vec<String> {
    let first = response.split_once('\n').map_or("", |(_, rest)| rest);
    let last = response.rsplit_once('\n').map_or("", |(rest, _)| rest);
    let both = first.rsplit_once('\n').map_or("", |(rest, _)| rest);
    let cut = [first, last, both].map(str::trim).into_iter().filter(|text| !text.is_empty());
    let starred = std::iter::once(response).chain(cut.clone()).filter(|text| text.contains('*'));
    let plain = starred.map(|text| text.replace('*', ""));
    cut.map(str::to_owned).chain(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_asterisks_are_taken_away() {
        let variants = variants("Sure:\n*a*\nbye");
        assert_eq!(variants, ["*a*\nbye", "Sure:\n*a*", "*a*", "Sure:\na\nbye", "a\nbye", "Sure:\na", "a"]);
    }

    #[test]
    fn what_is_empty_or_the_same_is_left_out() {
        assert_eq!(variants("*a*"), ["a"]);
        assert_eq!(variants("a"), [""; 0]);
        assert_eq!(variants("a\nb"), ["b", "a"]);
    }
}
