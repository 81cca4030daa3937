//! Cuts a bounded piece out of a text, so that no completion costs more than its length and a constant for each place.

/// The first `most` bytes of a text, or a little less.
pub fn start_of(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The last `most` bytes of a text, or a little less.
pub fn end_of(text: &str, most: usize) -> &str {
    let mut start = text.len().saturating_sub(most);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_is_cut_in_two() {
        assert_eq!((start_of("aéb", 2), end_of("aéb", 2)), ("a", "b"));
        assert_eq!((start_of("ab", 9), end_of("ab", 9)), ("ab", "ab"));
    }
}
