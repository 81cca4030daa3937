//! Finds short marks in short texts, several at once: the standard search prepares itself for each, which costs more than
//! the text.

/// How many places are looked at together.
const WIDE: usize = 16;

/// Where the last of some marks ends, whichever it is. None of them is empty.
pub fn end_of_last<const N: usize>(text: &str, marks: &[&str; N]) -> Option<usize> {
    let bytes = text.as_bytes();
    let pairs = marks.map(|mark| pair(mark.bytes().rev()));
    let last = |from: usize, mut found: u16| {
        while found != 0 {
            let place = 15 - found.leading_zeros() as usize;
            let end = from + place + 1;
            let said = bytes.get(..end).unwrap_or_default();
            if marks.iter().any(|mark| said.ends_with(mark.as_bytes())) {
                return Some(end);
            }
            found &= !(1 << place);
        }
        None
    };
    let mut behind = bytes.len();
    while behind > WIDE {
        let from = behind - WIDE;
        if let Some(end) = last(from, places(wide(bytes, from), wide(bytes, from - 1), &pairs)) {
            return Some(end);
        }
        behind = from;
    }
    let mut first = [0; WIDE + 1];
    first[1..=behind].copy_from_slice(&bytes[..behind]);
    last(0, places(wide(&first, 1), wide(&first, 0), &pairs))
}

/// Where the first of some marks starts, and which it is; of several at one place the first in the list.
pub fn first_of<'m, const N: usize>(text: &str, marks: &[&'m str; N]) -> Option<(usize, &'m str)> {
    let bytes = text.as_bytes();
    let pairs = marks.map(|mark| pair(mark.bytes()));
    let first = |from: usize, mut found: u16| {
        while found != 0 {
            let at = from + found.trailing_zeros() as usize;
            let rest = bytes.get(at..).unwrap_or_default();
            if let Some(mark) = marks.iter().find(|mark| rest.starts_with(mark.as_bytes())) {
                return Some((at, *mark));
            }
            found &= found - 1;
        }
        None
    };
    let mut from = 0;
    while bytes.len() - from > WIDE {
        let found = first(from, places(wide(bytes, from), wide(bytes, from + 1), &pairs));
        if found.is_some() {
            return found;
        }
        from += WIDE;
    }
    let mut last = [0; WIDE + 1];
    last[..bytes.len() - from].copy_from_slice(&bytes[from..]);
    first(from, places(wide(&last, 0), wide(&last, 1), &pairs))
}

/// Sixteen bytes of a text.
fn wide(bytes: &[u8], from: usize) -> &[u8; WIDE] {
    bytes[from..].first_chunk().unwrap_or(&[0; WIDE])
}

/// The first two bytes of a mark, or its only one and the bits that let any stand beside it.
#[derive(Debug, Clone, Copy)]
struct Pair {
    byte: u8,
    beside: u8,
    any: u8,
}

fn pair(mut mark: impl Iterator<Item = u8>) -> Pair {
    let byte = mark.next().unwrap_or_default();
    mark.next().map_or(Pair { byte, beside: 0, any: u8::MAX }, |beside| Pair { byte, beside, any: 0 })
}

/// At which of sixteen places one of some bytes stands with its neighbour beside it, as bits.
#[cfg(target_arch = "wasm32")]
#[target_feature(enable = "simd128")]
fn places<const N: usize>(here: &[u8; WIDE], beside: &[u8; WIDE], pairs: &[Pair; N]) -> u16 {
    use std::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_splat, u64x2, v128_and, v128_or};
    let load = |bytes: &[u8; WIDE]| {
        let (halves, _) = bytes.as_chunks::<8>();
        u64x2(u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1]))
    };
    let (here, beside) = (load(here), load(beside));
    let mut found = u64x2(0, 0);
    for pair in pairs {
        let neighbours = v128_or(u8x16_eq(beside, u8x16_splat(pair.beside)), u8x16_splat(pair.any));
        found = v128_or(found, v128_and(u8x16_eq(here, u8x16_splat(pair.byte)), neighbours));
    }
    u8x16_bitmask(found)
}

/// At which of sixteen places one of some bytes stands with its neighbour beside it, as bits.
#[cfg(not(target_arch = "wasm32"))]
fn places<const N: usize>(here: &[u8; WIDE], beside: &[u8; WIDE], pairs: &[Pair; N]) -> u16 {
    let is_there = |place: usize| {
        pairs
            .iter()
            .any(|pair| here[place] == pair.byte && (beside[place] == pair.beside || pair.any == u8::MAX))
    };
    (0..WIDE).filter(|place| is_there(*place)).fold(0, |found, place| found | 1 << place)
}

/// Where a short mark, which is not empty, stands first.
pub fn find_short(text: &str, mark: &str) -> Option<usize> {
    let (bytes, mark) = (text.as_bytes(), mark.as_bytes());
    memchr::memchr_iter(*mark.first()?, bytes).find(|at| bytes[*at..].starts_with(mark))
}

/// Where a short mark, which is not empty, stands last.
pub fn rfind_short(text: &str, mark: &str) -> Option<usize> {
    let (bytes, mark) = (text.as_bytes(), mark.as_bytes());
    memchr::memrchr_iter(*mark.first()?, bytes).find(|at| bytes[*at..].starts_with(mark))
}

/// Whether a short mark, which is not empty, stands in a text.
pub fn has_short(text: &str, mark: &str) -> bool {
    find_short(text, mark).is_some()
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
        assert_eq!(end_of_last("xabc", &["zbc", "abc"]), Some(4));
        assert_eq!(first_of("abcx", &["abz", "abc"]), Some((0, "abc")));
        assert_eq!((end_of_last("a", &["ba"]), first_of("a", &["ab"])), (None, None));
    }

    #[test]
    fn marks_are_found_wherever_they_stand() {
        let marks = [". ", "!", "abc", "\n", "。", "\0"];
        for before in 0..40 {
            for behind in 0..40 {
                for mark in marks {
                    let text = [&"b".repeat(before), mark, &"b".repeat(behind)].concat();
                    assert_eq!(end_of_last(&text, &marks), Some(before + mark.len()), "{text:?}");
                    assert_eq!(first_of(&text, &marks), Some((before, mark)), "{text:?}");
                }
                let text = [&".".repeat(before), "ab", &" ".repeat(behind)].concat();
                assert_eq!((end_of_last(&text, &marks), first_of(&text, &marks)), (None, None));
            }
        }
        let texts = ["a. b! c. d", "! a. ", "abab. . !!", "a.b c", ". x. y. z. w. v. u. t. s. r. q. p. o."];
        for text in texts {
            let last = marks.iter().filter_map(|mark| text.rfind(mark).map(|at| at + mark.len())).max();
            let first = marks.iter().filter_map(|mark| text.find(mark).map(|at| (at, *mark))).min();
            assert_eq!((end_of_last(text, &marks), first_of(text, &marks)), (last, first), "{text}");
        }
    }

    #[test]
    fn a_short_mark_is_found_as_by_the_standard_search() {
        for text in ["", "a", "ab", "aab", "abab", "b is a", "caa b", "\\text{a}\\text", "é。é"] {
            for mark in ["a", "ab", "aab", " is ", "\\text", "é", "。"] {
                assert_eq!(find_short(text, mark), text.find(mark), "{mark} in {text}");
                assert_eq!(rfind_short(text, mark), text.rfind(mark), "{mark} in {text}");
                assert_eq!(has_short(text, mark), text.contains(mark), "{mark} in {text}");
            }
        }
    }
}
