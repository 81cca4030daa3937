//! Tags, comments and entities of HTML, and the marks of Markdown and LaTeX, in the words that they stand in.

use crate::start_of;

/// The longest tag that is taken for one, in bytes; a comment has no longest length where it shows nothing.
const LONGEST_TAG: usize = 500;
/// The longest entity, and the longest tag or command within a word, in bytes.
const LONGEST: usize = 80;

/// Elements of HTML that show nothing but what is in them.
const ELEMENTS: [&str; 91] = [
    "a",
    "abbr",
    "address",
    "article",
    "aside",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "button",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "fieldset",
    "figcaption",
    "figure",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "img",
    "input",
    "ins",
    "kbd",
    "label",
    "legend",
    "li",
    "main",
    "map",
    "mark",
    "meta",
    "meter",
    "nav",
    "object",
    "ol",
    "option",
    "output",
    "p",
    "picture",
    "pre",
    "progress",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "select",
    "small",
    "source",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
];

/// Names that HTML has for characters: those of its syntax, those that hide or part something, and marks.
const ENTITIES: [(&str, char); 38] = [
    ("NoBreak", '\u{2060}'),
    ("ZeroWidthSpace", '\u{200b}'),
    ("amp", '&'),
    ("apos", '\''),
    ("ast", '*'),
    ("bull", '•'),
    ("colon", ':'),
    ("comma", ','),
    ("dash", '‐'),
    ("emsp", ' '),
    ("emsp13", ' '),
    ("emsp14", ' '),
    ("ensp", ' '),
    ("excl", '!'),
    ("grave", '`'),
    ("gt", '>'),
    ("hairsp", ' '),
    ("hellip", '…'),
    ("hyphen", '‐'),
    ("lowbar", '_'),
    ("lrm", '\u{200e}'),
    ("lt", '<'),
    ("mdash", '—'),
    ("middot", '·'),
    ("nbsp", ' '),
    ("ndash", '–'),
    ("num", '#'),
    ("numsp", ' '),
    ("period", '.'),
    ("puncsp", ' '),
    ("quest", '?'),
    ("quot", '"'),
    ("rlm", '\u{200f}'),
    ("semi", ';'),
    ("shy", '\u{ad}'),
    ("thinsp", ' '),
    ("zwj", '\u{200d}'),
    ("zwnj", '\u{200c}'),
];

/// How long the entity is that a text begins with, and the character that it stands for: `&#105;`, `&#x69;`, `&shy;`.
pub(crate) fn entity(text: &str) -> Option<(usize, char)> {
    let near = start_of(text, LONGEST).strip_prefix('&')?;
    // A number needs no semicolon.
    let number = near.strip_prefix('#').map(|it| it.trim_start_matches(['x', 'X']));
    if let Some(digits) = number {
        let is_hex = near.starts_with("#x") || near.starts_with("#X");
        let length = digits
            .bytes()
            .take_while(|it| if is_hex { it.is_ascii_hexdigit() } else { it.is_ascii_digit() })
            .count();
        if length > 0 && !digits[length..].starts_with(';') {
            let code = u32::from_str_radix(&digits[..length], if is_hex { 16 } else { 10 }).ok()?;
            return Some((1 + near.len() - digits.len() + length, char::from_u32(code)?));
        }
    }
    let (name, _) = near.split_once(';')?;
    let named = || ENTITIES.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    let c = match name.strip_prefix('#') {
        Some(number) => {
            let hex = number.strip_prefix(['x', 'X']);
            let code = hex.map_or_else(|| number.parse(), |digits| u32::from_str_radix(digits, 16)).ok()?;
            char::from_u32(code)?
        }
        None => named()?,
    };
    Some((1 + name.len() + 1, c))
}

/// How long the tag or comment is that a text begins with.
fn tag(text: &str) -> Option<usize> {
    let near = start_of(text, LONGEST_TAG);
    let inner = near.strip_prefix('<')?;
    if inner.starts_with("!--") {
        return near.find("-->").map(|at| at + 3);
    }
    let is_tag = inner.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
    near.find('>').filter(|_| is_tag).map(|at| at + 1)
}

/// How long the comment or the tag is that a text begins with, if it shows nothing.
pub(crate) fn blank_tag(text: &str) -> Option<usize> {
    if text.starts_with("<!--") {
        // One that is not closed hides all that follows.
        return Some(text.find("-->").map_or(text.len(), |at| at + 3));
    }
    let length = tag(text)?;
    is_element(&text[..length]).then_some(length)
}

/// Whether a text from `<` to `>` is the tag of an element that shows nothing but what is in it.
pub(crate) fn is_element(tag: &str) -> bool {
    let inner = tag.trim_start_matches('<').trim_end_matches('>').trim_start_matches('/');
    let name = &inner[..inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inner.len())];
    // `<A Walk>` is a title, and `<a href=…>` an element.
    let attributes = inner[name.len()..].trim_matches(['/', ' ', '\n']);
    let is_tag = attributes.is_empty()
        || attributes.contains('=') && !attributes.contains('<')
        || attributes == "hidden";
    is_tag && !tag.starts_with("<<") && ELEMENTS.iter().any(|element| element.eq_ignore_ascii_case(name))
}

/// Whether what stands between two texts stands in what a page never shows: an attribute of a tag, a declaration, or the
/// target of a link.
pub fn is_in_attribute(before: &str, behind: &str) -> bool {
    // Something closes it. Most answers end their text.
    if !start_of(behind, LONGEST_TAG).contains(['>', ')', '\'', '"']) {
        return false;
    }
    let near = crate::end_of(before, LONGEST_TAG);
    let in_tag = || {
        let tag = &near[near.rfind('<')? + 1..];
        let is_declaration = tag.starts_with('!') && tag[1..].starts_with(|c: char| c.is_ascii_alphabetic());
        let is_named = tag.starts_with(|c: char| c.is_ascii_alphabetic()) && tag.contains('=');
        Some(!tag.contains('>') && (is_declaration || is_named && tag.contains(['"', '\''])))
    };
    let in_target = || {
        let bytes = near.as_bytes();
        let at = memchr::memrchr_iter(b']', bytes).find(|at| bytes.get(at + 1) == Some(&b'('))?;
        let target = &near[at + 2..];
        Some(!target.contains([')', '\n']))
    };
    let line = near.rsplit('\n').next().unwrap_or_default().trim_start();
    let in_definition = || {
        let (_, target) = line.strip_prefix('[')?.split_once("]:")?;
        let target = target.trim_start();
        Some(target.starts_with(['<', '/', '#']) || target.split(' ').next()?.contains("://"))
    };
    in_tag() == Some(true) || in_target() == Some(true) || in_definition() == Some(true)
}

/// HTML without its tags and comments, which part no word that is read.
pub fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = tag(rest).unwrap_or_else(|| {
            out.push('<');
            1
        });
        rest = &rest[length..];
    }
    out + rest
}

/// HTML with characters in the place of their names and numbers.
pub fn without_entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (length, c) = entity(rest).unwrap_or((1, '&'));
        out.push(c);
        rest = &rest[length..];
    }
    out + rest
}

/// A text without emphasis, braces, tags and commands, and with the characters that entities stand for: what is left of
/// `Par**is**` and `Par\textbf{is}` is the word.
pub(crate) fn without_markup(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['*', '_', '`', '~', '{', '}', '\\', '<', '&']) {
        bare.push_str(&rest[..at]);
        let sign = rest.as_bytes()[at];
        let (here, behind) = (&rest[at..], &rest[at + 1..]);
        rest = match sign {
            b'<' => match tag(here).filter(|length| *length <= LONGEST) {
                Some(length) => &here[length..],
                None => {
                    bare.push('<');
                    behind
                }
            },
            b'&' => {
                let (length, c) = entity(here).unwrap_or((1, '&'));
                bare.push(c);
                &here[length..]
            }
            // `\textbf{is}`
            b'\\' => {
                let name = start_of(behind, LONGEST).bytes().take_while(u8::is_ascii_alphabetic).count();
                if behind[name..].starts_with('{') { &behind[name..] } else { behind }
            }
            _ => behind,
        };
    }
    bare.push_str(rest);
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_and_targets_are_no_part_of_a_page() {
        for (before, behind) in [
            ("<input value='", "'>"),
            ("<a title=\"so \\boxed{", "}\">x</a>"),
            ("<!DOCTYPE x [<!ENTITY a '", "'>]>"),
            ("[x]: http://a.b '", "'"),
            ("see [this](", ")"),
        ] {
            assert!(is_in_attribute(before, behind), "{before}");
        }
        for (before, behind) in
            [("", ""), ("<b>", "</b>"), ("a < b, so (", ")"), ("[1, 2] (", ")"), ("[1]: it is '", "'")]
        {
            assert!(!is_in_attribute(before, behind), "{before}");
        }
    }

    #[test]
    fn tags_and_entities_are_read_as_a_page_shows_them() {
        for (html, text) in [
            ("<b>c</b>at", "cat"),
            ("<span class=\"a\">c</span>at", "cat"),
            ("c<!-- x -->at", "cat"),
            ("c&#97;t", "cat"),
            ("c&#x61;t", "cat"),
            ("a < b > c", "a < b > c"),
            ("R&D; AT&T", "R&D; AT&T"),
            ("a&comma;b", "a,b"),
            ("5 < 6 &amp 7", "5 < 6 &amp 7"),
        ] {
            assert_eq!(without_entities(&without_tags(html)), text, "{html}");
        }
    }
}
