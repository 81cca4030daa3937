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

/// Which brace closes which, of a whole text: found in one pass, however deep they nest and whether or not they close.
#[derive(Debug)]
pub(crate) struct Braces(Vec<(usize, usize)>);

impl Braces {
    pub(crate) fn of(text: &str) -> Self {
        let (mut open, mut pairs, mut escaped) = (Vec::new(), Vec::new(), false);
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'{' => open.push(at),
                b'}' => pairs.extend(open.pop().map(|open| (open, at))),
                _ => {}
            }
        }
        pairs.sort_unstable();
        Self(pairs)
    }

    /// Where the brace is that closes the one at `open`.
    pub(crate) fn close_of(&self, open: usize) -> Option<usize> {
        let place = self.0.binary_search_by_key(&open, |&(open, _)| open).ok()?;
        Some(self.0[place].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_finds_what_a_look_at_each_brace_does() {
        for text in ["{a{b}c}d", r"\{a{b}\}}", "}{}{", "{{a}", r"\\{a}{\}b}", ""] {
            let braces = Braces::of(text);
            for (at, _) in text.match_indices('{') {
                let escaped = text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
                let single = braced(&text[at..], 100).map(|inner| at + inner.len() + 1).filter(|_| !escaped);
                assert_eq!(braces.close_of(at), single, "{text} at {at}");
            }
        }
    }

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
