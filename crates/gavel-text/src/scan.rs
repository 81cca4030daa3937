//! Finds short marks in short texts, several at once: the standard search prepares itself for each, which costs more than
//! the text.

/// The bytes that marks start or end with.
struct Bytes([u32; 8]);

impl Bytes {
    fn of(bytes: impl Iterator<Item = u8>) -> Self {
        let mut set = Self([0; 8]);
        for byte in bytes {
            set.0[usize::from(byte >> 5)] |= 1 << (byte & 31);
        }
        set
    }

    fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 5)] >> (byte & 31) & 1 == 1
    }
}

/// Where the last of some marks ends, whichever it is. None of them is empty.
pub fn end_of_last(text: &str, marks: &[&str]) -> Option<usize> {
    let bytes = text.as_bytes();
    let ends = Bytes::of(marks.iter().filter_map(|mark| mark.bytes().next_back()));
    let is_end = |end: &usize| {
        ends.contains(bytes[end - 1]) && marks.iter().any(|mark| bytes[..*end].ends_with(mark.as_bytes()))
    };
    (1..=bytes.len()).rev().find(is_end)
}

/// Where the first of some marks starts, and which it is; of several at one place the first in the list.
pub fn first_of<'m>(text: &str, marks: &[&'m str]) -> Option<(usize, &'m str)> {
    let bytes = text.as_bytes();
    let starts = Bytes::of(marks.iter().filter_map(|mark| mark.bytes().next()));
    (0..bytes.len()).filter(|at| starts.contains(bytes[*at])).find_map(|at| {
        let mark = marks.iter().find(|mark| bytes[at..].starts_with(mark.as_bytes()))?;
        Some((at, *mark))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_and_the_first_mark_are_found() {
        assert_eq!(end_of_last("a. b, c", &[". ", ", "]), Some(6));
        assert_eq!(end_of_last("a。b", &[". ", "。"]), Some(4));
        assert_eq!(end_of_last("ab", &[". "]), None);
        assert_eq!(end_of_last("", &["a"]), None);
        assert_eq!(first_of("a, b. c", &[". ", ", "]), Some((1, ", ")));
        assert_eq!(first_of("xab", &["ab", "a"]), Some((1, "ab")));
        assert_eq!(first_of("xab", &["b", "c"]), Some((2, "b")));
        assert_eq!(first_of("", &["a"]), None);
    }
}
