//! A completion as the page that a reader has of it: without what is hidden, the targets of links, the attributes of
//! tags, and what only spaces formulas. For counting what is there; an answer is found in [`crate::shown`].

use std::borrow::Cow;

use crate::markup;
use crate::shown::unhidden;

/// The longest target of a link, in bytes.
const LONGEST_TARGET: usize = 2_000;
/// Commands of LaTeX that show nothing, with their arguments; those that only set what they hold are left out by name.
const BLANK: [&str; 15] = [
    "quad",
    "qquad",
    "hspace",
    "vspace",
    "label",
    "newline",
    "linebreak",
    "noindent",
    "smallskip",
    "medskip",
    "bigskip",
    "phantom",
    "hfill",
    "begin",
    "end",
];
const SETTING: [&str; 10] =
    ["text", "textbf", "textit", "textrm", "mathrm", "mathbf", "mbox", "boxed", "fbox", "displaystyle"];

/// A text as a reader sees it on its page.
pub fn page(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '&', '[', '\\', '~', '%']) {
        return Cow::Borrowed(text);
    }
    let text = unhidden(text);
    let mut page = String::with_capacity(text.len());
    let mut rest = &*text;
    // Where the next `>` is, so that none is looked for twice.
    let mut close = None;
    while let Some(at) = rest.find(['<', '&', '[', '\\']) {
        page.push_str(&rest[..at]);
        rest = &rest[at..];
        let starts_line = page.trim_end_matches([' ', '\t']).ends_with('\n') || page.trim().is_empty();
        let (length, put) = match rest.as_bytes()[0] {
            b'<' if rest.starts_with("<!--") => (markup::blank_tag(rest).unwrap_or(0), ""),
            b'<' => {
                let here = text.len() - rest.len();
                if close.is_none_or(|close| close < here) {
                    let found = memchr::memchr(b'>', rest.as_bytes());
                    close = Some(found.map_or(text.len(), |at| here + at));
                }
                let close = close.unwrap_or(text.len());
                let tag = text.get(here..=close).filter(|tag| markup::is_element(tag));
                (tag.map_or(0, str::len), "")
            }
            b'[' if starts_line && let Some(length) = definition(rest) => (length, ""),
            b'[' => match link(rest) {
                Some((length, inner)) => {
                    // What stands for an image is no part of the text.
                    if page.ends_with('!') {
                        page.pop();
                    } else {
                        page.push_str(inner);
                    }
                    (length, "")
                }
                None => (0, ""),
            },
            b'&' => match markup::entity(rest) {
                Some((length, c)) => {
                    page.push(c);
                    (length, "")
                }
                None => (0, ""),
            },
            _ => (spacing(rest).unwrap_or(0), " "),
        };
        if length == 0 {
            let sign = rest.chars().next().map_or(1, char::len_utf8);
            page.push_str(&rest[..sign]);
            rest = &rest[sign..];
        } else {
            page.push_str(put);
            rest = &rest[length..];
        }
    }
    page.push_str(rest);
    Cow::Owned(page)
}

/// How long the link is that a text starts with, and what it shows: `[here](https://…)`.
fn link(text: &str) -> Option<(usize, &str)> {
    let near = crate::start_of(text, LONGEST_TARGET);
    let end = near.find("](")?;
    let inner = &near[1..end];
    let target = &near[end + 2..];
    let close = target.find([')', '\n']).filter(|close| target[*close..].starts_with(')'))?;
    (!inner.contains(['[', '\n'])).then_some((end + 2 + close + 1, inner))
}

/// How long the definition of a link is that a line starts with: `[a]: https://… 'title'`.
fn definition(text: &str) -> Option<usize> {
    let line = text.lines().next()?;
    let (name, target) = line.strip_prefix('[')?.split_once("]:")?;
    let target = target.trim();
    let is_address = target.starts_with(['<', '/', '#']) || target.split(' ').next()?.contains("://");
    (!name.contains(['[', ']']) && is_address).then_some(line.len())
}

/// How long the command of LaTeX is that a text starts with, where it only makes room.
fn spacing(text: &str) -> Option<usize> {
    let name = &text[1..];
    let length = name.len() - name.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
    if length == 0 {
        return name.starts_with([',', ';', ':', '!', ' ', '\\']).then_some(2);
    }
    if !BLANK.contains(&&name[..length]) {
        return None;
    }
    let after = name[length..].trim_start_matches('*');
    let argument = crate::braced(after, LONGEST_TARGET).map_or(0, |inner| inner.len() + 2);
    Some(text.len() - after.len() + argument)
}

/// A text without the signs around formulas and the names of the commands that set what they hold.
pub(crate) fn without_settings(text: &str) -> Cow<'_, str> {
    if !text.contains(['\\', '$', '|']) {
        return Cow::Borrowed(text);
    }
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bare.push_str(&rest[..at]);
        let name = &rest[at + 1..];
        let length = name.len() - name.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        rest = match length {
            0 if name.starts_with(['(', ')', '[', ']']) => &name[1..],
            _ if SETTING.contains(&&name[..length]) => &name[length..],
            _ => {
                bare.push('\\');
                name
            }
        };
    }
    bare.push_str(rest);
    // Signs of money stand alone.
    if bare.matches('$').nth(1).is_some() {
        bare = bare.replace('$', "");
    }
    // The grid of a table.
    if bare.contains("|-") || bare.matches('|').nth(1).is_some() {
        bare = bare.replace('|', "");
    }
    Cow::Owned(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_shows_what_is_read() {
        for (text, read) in [
            ("a [](x/y/z) b", "a  b"),
            ("a [b](http://x 'c d') e", "a b e"),
            ("a ![b](x.png) c", "a  c"),
            ("a\n[x]: http://a.b 'c d e'\nf", "a\n\nf"),
            ("a <span title='b c'>d</span>", "a d"),
            ("<a href='b c'>d</a>", "d"),
            ("<<A Walk>> <A Walk> 1 < 2 > 1", "<<A Walk>> <A Walk> 1 < 2 > 1"),
            ("a<!-- b c -->d", "ad"),
            ("a <p hidden>b c</p> d", "a  d"),
            ("a <font size=0>b</font> c", "a  c"),
            ("a&nbsp;b &#44; c", "a b , c"),
            (r"a\quad b\,c \phantom{d}", "a  b c "),
            ("a <script>b</script> c", "a  c"),
            ("[a] (b) x < y & z", "[a] (b) x < y & z"),
            (r"\frac{1}{2} [1, 2]", r"\frac{1}{2} [1, 2]"),
            ("<think>a</think> b", "<think>a</think> b"),
        ] {
            assert_eq!(page(text), read, "{text}");
        }
    }

    #[test]
    fn a_flood_of_links_is_gone_through_once() {
        for piece in ["[", "[](", "[a]: ", "\\quad", "&#4", "<a", "[]("] {
            assert!(page(&piece.repeat(20_000)).len() <= 20_000 * 8, "{piece}");
        }
    }
}
