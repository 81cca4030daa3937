//! Matches the braces of LaTeX.

/// What stands between the brace that `text` starts with and the one that closes it, if that comes within `longest` bytes.
/// Braces that a backslash escapes are none.
pub fn braced(text: &str, longest: usize) -> Option<&str> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().take(longest) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(&text[1..at]),
            b'}' => depth = depth.checked_sub(1)?,
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_nest_and_may_be_escaped() {
        assert_eq!(braced("{a{b}c}d", 100), Some("a{b}c"));
        assert_eq!(braced(r"{\{a}", 100), Some(r"\{a"));
        for text in ["", "a", "{a", "}", "a{b}"] {
            assert_eq!(braced(text, 100), None, "{text}");
        }
        assert_eq!(braced("{aaaa}", 4), None);
    }
}
