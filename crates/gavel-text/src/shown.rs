//! What a reader sees of a completion: one spelling for the marks of thoughts, and nothing that is hidden or struck out.

use std::borrow::Cow;

use crate::{braced, start_of};

/// The longest tag with its attributes, and the longest group of a command that hides it, in bytes.
const LONGEST_TAG: usize = 200;
const LONGEST_GROUP: usize = 5_000;
/// How many groups and lines are gone through for their end.
const MOST_GROUPS: usize = 500;
/// How far behind `~~` the next one may stand, in bytes.
const LONGEST_STRIKE: usize = 2_000;

/// The marks that every thought has in what [`shown`] gives.
const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// The text as a reader is shown it. Every verifier of text reads this, and then `turns`, `said` or `after_thinking`.
///
/// Thoughts have many spellings: `[THINK]`, `◁think▷`, `<seed:think>`, the channels of gpt-oss, and more. All of them
/// become `<think>` and `</think>`. Tags such as `<reasoning>`, which may stand before an answer as well as behind it,
/// are left out with what they hold, and become those marks where one of the pair is missing.
///
/// What a reader of the page never sees is left out: comments of HTML, Markdown and LaTeX, what is struck out, what a
/// style or a `\phantom` hides. A text in which nothing of this stands is given back as it is.
pub fn shown(text: &str) -> Cow<'_, str> {
    let cuts = Cuts::of(text).found;
    if cuts.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for cut in cuts {
        shown.push_str(&text[from..cut.start]);
        shown.push_str(cut.put);
        from = cut.end;
    }
    shown.push_str(&text[from..]);
    Cow::Owned(shown)
}

/// A part of a text, and what stands there instead.
struct Cut {
    start: usize,
    end: usize,
    put: &'static str,
}

/// The bytes that start a mark. A table takes fewer instructions than searches for each of them.
static IS_SIGN: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    let signs = [b'<', b'~', b'%', b'[', b'\\', 0xe2];
    while at < signs.len() {
        table[signs[at] as usize] = true;
        at += 1;
    }
    table
};

/// The cuts of a text, found from its start on.
struct Cuts<'t> {
    text: &'t str,
    found: Vec<Cut>,
    /// Closing marks that do not stand in the rest of the text any more, so that none is looked for twice.
    absent: Vec<&'static str>,
    groups: usize,
}

impl<'t> Cuts<'t> {
    fn of(text: &'t str) -> Self {
        let mut cuts = Self { text, found: Vec::new(), absent: Vec::new(), groups: 0 };
        let mut from = cuts.spoken_channel();
        let bytes = text.as_bytes();
        for at in (0..bytes.len()).filter(|&at| IS_SIGN[usize::from(bytes[at])]) {
            if at < from {
                continue;
            }
            if let Some(cut) = cuts.at(at) {
                from = cut.end;
                cuts.found.push(cut);
            }
        }
        cuts
    }

    /// Where tokens are left out of a text, gpt-oss writes `analysis…assistantfinal…`.
    fn spoken_channel(&mut self) -> usize {
        const FINAL: &str = "assistantfinal";
        let is_analysis = self.text.starts_with("analysis");
        let end = if is_analysis { self.text.rfind(FINAL).map(|at| at + FINAL.len()) } else { None };
        if let Some(end) = end {
            self.found.push(Cut { start: 0, end, put: "" });
        }
        end.unwrap_or(0)
    }

    /// Whether one more group may be gone through.
    fn may_look(&mut self) -> bool {
        self.groups += 1;
        self.groups <= MOST_GROUPS
    }

    fn at(&mut self, at: usize) -> Option<Cut> {
        let rest = &self.text[at..];
        let cut = |length: usize, put| Some(Cut { start: at, end: at + length, put });
        match rest.as_bytes() {
            [b'<', b'!', b'-', b'-', ..] => {
                let length = self.length_to(at, "-->").unwrap_or(rest.len());
                cut(length, "")
            }
            [b'<', b'|' | b'u', ..] => {
                let (length, put) = token(rest)?;
                cut(length, put)
            }
            [b'<', b'/' | b'A'..=b'Z' | b'a'..=b'z', ..] => self.tag(at),
            [b'~', b'~', ..] if self.may_look() => cut(struck(self.text, at)?, ""),
            [b'%', ..] => cut(comment(self.text, at)?, ""),
            [b'[', b'T' | b'R' | b'/' | b'c', ..] => {
                let (length, put) = bracket(self.text, at)?;
                cut(length, put)
            }
            [
                b'\\',
                b'p' | b'h' | b'v' | b'c' | b'b' | b'x' | b's' | b't' | b'i',
                b'h' | b'p' | b'a' | b'o' | b'c' | b'e' | b't' | b'f',
                third,
                ..,
            ] if b"ahnluegx{f ".contains(third) => cut(self.command(at)?, ""),
            [0xe2, 0x97, ..] => {
                let marks = [("◁think▷", OPEN), ("◁/think▷", CLOSE)];
                let (mark, put) = marks.into_iter().find(|(mark, _)| rest.starts_with(*mark))?;
                cut(mark.len(), put)
            }
            _ => None,
        }
    }

    /// How far it is from `at` to the end of a mark, where it stands behind it.
    fn length_to(&mut self, at: usize, mark: &'static str) -> Option<usize> {
        if self.absent.contains(&mark) {
            return None;
        }
        let found = memchr::memmem::find(&self.text.as_bytes()[at..], mark.as_bytes());
        if found.is_none() {
            self.absent.push(mark);
        }
        found.map(|length| length + mark.len())
    }

    /// A tag of thoughts, of what is struck out or of what is hidden.
    fn tag(&mut self, at: usize) -> Option<Cut> {
        let rest = &self.text[at..];
        let (name, closes) = match rest[1..].strip_prefix('/') {
            Some(name) => (name, true),
            None => (&rest[1..], false),
        };
        let length = name.bytes().take(24).take_while(|it| it.is_ascii_alphanumeric() || b":_".contains(it));
        let (name, behind) = name.split_at(length.count());
        // `<think >` is a tag as well.
        let spaces = behind.len() - behind.trim_start_matches(' ').len();
        let behind = if behind[spaces..].starts_with('>') { &behind[spaces..] } else { behind };
        let cut = |length: usize, put| Some(Cut { start: at, end: at + length, put });
        let is = |names: &[&str]| names.iter().any(|it| it.eq_ignore_ascii_case(name));
        if behind.starts_with('>') {
            let length = rest.len() - behind.len() + 1;
            if is(&["think", "thinking", "seed:think"]) {
                return cut(length, if closes { CLOSE } else { OPEN });
            }
            if let Some((_, end)) = ASIDES.iter().find(|(aside, _)| aside.eq_ignore_ascii_case(name)) {
                return match if closes { None } else { self.length_to(at, end) } {
                    Some(whole) => cut(whole, ""),
                    None => cut(length, if closes { CLOSE } else { OPEN }),
                };
            }
            if closes {
                return None;
            }
            // `<s>` starts a text, too, and `</s>` ends it.
            if name == "s" && self.may_look() {
                let line = start_of(rest, LONGEST_STRIKE).split('\n').next().unwrap_or_default();
                let end = line.find("</s>").filter(|_| !self.text[..at].trim().is_empty())?;
                return cut(end + "</s>".len(), "");
            }
        }
        let (_, end) = HIDING.iter().find(|(hiding, _)| hiding.eq_ignore_ascii_case(name))?;
        let is_always = is(&["del", "strike", "script", "style", "template", "noscript"]);
        if closes || !is_always && !hides(behind) {
            return None;
        }
        let whole = self.length_to(at, end)?;
        cut(whole, "")
    }

    /// How long a command is that hides or strikes out its group, with the group.
    fn command(&mut self, at: usize) -> Option<usize> {
        const PHANTOMS: [&str; 3] = ["\\phantom", "\\hphantom", "\\vphantom"];
        const STRIKES: [&str; 5] = ["\\cancel", "\\bcancel", "\\xcancel", "\\sout", "\\st"];
        const WHITE: [&str; 2] = ["\\color{white}", "\\textcolor{white}"];
        let rest = &self.text[at..];
        // Of the frequent ones, few go on as these do.
        if rest.starts_with("\\te") && !rest.starts_with("\\textc")
            || rest.starts_with("\\be") && !rest.starts_with("\\begin{comment}")
        {
            return None;
        }
        if rest.starts_with("\\iffalse") {
            return self.length_to(at, "\\fi").or(Some(rest.len()));
        }
        if rest.starts_with("\\begin{comment}") {
            return self.length_to(at, "\\end{comment}").or(Some(rest.len()));
        }
        let names = || PHANTOMS.iter().chain(&WHITE).chain(&STRIKES);
        let name = names().find(|name| rest.starts_with(**name))?;
        let open = rest[name.len()..].trim_start();
        if !open.starts_with('{') || !self.may_look() {
            return None;
        }
        let inner = braced(open, LONGEST_GROUP)?;
        let length = rest.len() - open.len() + inner.len() + 2;
        // A factor that is cancelled is part of a working; an answer that is cancelled is none.
        let is_answer = || {
            let before = self.text[..at].trim_end();
            let is_all_of_a_box = before.ends_with("boxed{") && rest[length..].trim_start().starts_with('}');
            inner.contains("boxed") || inner.contains("answer") || is_all_of_a_box
        };
        (!STRIKES.contains(name) || is_answer()).then_some(length)
    }
}

/// Tags of thoughts that may also stand behind an answer, to explain it, with the tags that close them.
const ASIDES: [(&str, &str); 12] = [
    ("reasoning", "</reasoning>"),
    ("thought", "</thought>"),
    ("thoughts", "</thoughts>"),
    ("scratchpad", "</scratchpad>"),
    ("reflection", "</reflection>"),
    ("reason", "</reason>"),
    ("analysis", "</analysis>"),
    ("inner_monologue", "</inner_monologue>"),
    ("monologue", "</monologue>"),
    ("cot", "</cot>"),
    ("chain_of_thought", "</chain_of_thought>"),
    ("draft", "</draft>"),
];

/// Tags whose content may not be seen, with the tags that close them.
const HIDING: [(&str, &str); 9] = [
    ("del", "</del>"),
    ("strike", "</strike>"),
    ("script", "</script>"),
    ("style", "</style>"),
    ("template", "</template>"),
    ("noscript", "</noscript>"),
    ("span", "</span>"),
    ("div", "</div>"),
    ("p", "</p>"),
];

/// Whether the attributes of a tag hide what it holds.
fn hides(attributes: &str) -> bool {
    let Some(attributes) = start_of(attributes, LONGEST_TAG).split('>').next() else { return false };
    let plain: String =
        attributes.chars().filter(|c| !matches!(c, ' ' | '\n')).map(|c| c.to_ascii_lowercase()).collect();
    let styles = ["display:none", "visibility:hidden", "opacity:0", "font-size:0", "color:white"];
    attributes.starts_with(' ')
        && (styles.iter().any(|style| plain.contains(style))
            || attributes.split_whitespace().any(|word| word == "hidden"))
}

/// A token of thoughts at the start of a text, how long it is, and what it becomes.
fn token(text: &str) -> Option<(usize, &'static str)> {
    const TOKENS: [(&str, &str); 12] = [
        ("<|begin_of_thought|>", OPEN),
        ("<|end_of_thought|>", CLOSE),
        ("<|START_THINKING|>", OPEN),
        ("<|END_THINKING|>", CLOSE),
        ("<|begin_thinking|>", OPEN),
        ("<|end_thinking|>", CLOSE),
        ("<|thinking|>", OPEN),
        ("<|/thinking|>", CLOSE),
        ("<|think|>", OPEN),
        ("<|/think|>", CLOSE),
        ("<unused94>thought", OPEN),
        ("<unused95>", CLOSE),
    ];
    if let Some((token, put)) = TOKENS.iter().find(|(token, _)| text.starts_with(token)) {
        return Some((token.len(), put));
    }
    // `<|end|><|start|>assistant<|channel|>final<|message|>`
    let mut rest = text.strip_prefix("<|end|>").unwrap_or(text).trim_start();
    rest = rest.strip_prefix("<|start|>assistant").unwrap_or(rest);
    let rest = rest.strip_prefix("<|channel|>")?;
    let near = start_of(rest, LONGEST_TAG);
    let (channel, _) = near.split_once("<|message|>")?;
    let length = text.len() - rest.len() + channel.len() + "<|message|>".len();
    Some((length, if channel.trim().starts_with("final") { CLOSE } else { OPEN }))
}

/// `[THINK]`, `[/THINK]`, and the comments of Markdown, `[//]: # (…)`: how long they are, and what they become.
fn bracket(text: &str, at: usize) -> Option<(usize, &'static str)> {
    const COMMENTS: [&str; 4] = ["[//]: #", "[//]: <", "[comment]: #", "[comment]: <"];
    let rest = &text[at..];
    for (mark, put) in
        [("[THINK]", OPEN), ("[/THINK]", CLOSE), ("[REASONING]", OPEN), ("[/REASONING]", CLOSE)]
    {
        if rest.starts_with(mark) {
            return Some((mark.len(), put));
        }
    }
    let is_comment = starts_line(&text[..at]) && COMMENTS.iter().any(|it| rest.starts_with(it));
    is_comment.then(|| (rest.find('\n').unwrap_or(rest.len()), ""))
}

/// How long a comment of LaTeX is: a sign of percent that starts a line. In front of a small word, as in `% of all`, it
/// is no comment.
fn comment(text: &str, at: usize) -> Option<usize> {
    if !starts_line(&text[..at]) {
        return None;
    }
    let rest = &text[at..];
    let said = rest.trim_start_matches(['%', ' ']);
    (!said.starts_with(char::is_lowercase)).then(|| rest.find('\n').unwrap_or(rest.len()))
}

fn starts_line(before: &str) -> bool {
    before.trim_end_matches([' ', '\t']).bytes().next_back().is_none_or(|it| it == b'\n')
}

/// How long a part is that Markdown strikes out: `~~7~~`. In formulas `~` is a space, and there signs stand beside it.
fn struck(text: &str, at: usize) -> Option<usize> {
    const MARK: &str = "~~";
    let rest = &text[at + MARK.len()..];
    let (before, behind) = (text[..at].chars().next_back(), rest.chars().next()?);
    let is_sign = |c: char| !c.is_alphanumeric() && !c.is_whitespace();
    let opens = behind != '~'
        && before != Some('~')
        && !behind.is_whitespace()
        && (!is_sign(behind) || before.is_none_or(|c| c.is_whitespace() || is_sign(c)));
    if !opens {
        return None;
    }
    let near = start_of(rest, LONGEST_STRIKE);
    let near = near.split("\n\n").next().unwrap_or_default();
    let end = near.find(MARK).filter(|&end| !near[..end].ends_with(char::is_whitespace))?;
    near[..end].contains(char::is_alphanumeric).then_some(end + 2 * MARK.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_have_one_spelling() {
        for text in [
            "[THINK]6[/THINK]7",
            "◁think▷6◁/think▷7",
            "<seed:think>6</seed:think>7",
            "<THINK>6</THINK>7",
            "<thinking>6</thinking>7",
            "<|START_THINKING|>6<|END_THINKING|>7",
            "<unused94>thought6<unused95>7",
            "<|channel|>analysis<|message|>6<|end|><|start|>assistant<|channel|>final<|message|>7",
        ] {
            assert_eq!(shown(text), "<think>6</think>7", "{text}");
        }
        assert_eq!(shown("analysisIs it 6?assistantfinal7"), "7");
        assert_eq!(shown("<|channel|>commentary to=x<|message|>7<|call|>"), "<think>7<|call|>");
    }

    #[test]
    fn an_explanation_is_left_out_on_either_side_of_an_answer() {
        assert_eq!(shown("<reasoning>6</reasoning> 7"), " 7");
        assert_eq!(shown("7 <analysis>not 6</analysis>"), "7 ");
        assert_eq!(shown("6</thought> 7"), "6</think> 7");
        assert_eq!(shown("<scratchpad>6"), "<think>6");
    }

    #[test]
    fn what_is_hidden_is_not_shown() {
        for text in [
            "a<!-- 7 -->b",
            "a<!-- 7\n-->b",
            "a<del>7</del>b",
            "a<s>7</s>b",
            "a~~7~~b",
            r"a\phantom{{7}}b",
            r"a\hphantom{7}b",
            r"a\xcancel{\boxed{7}}b",
            r"a\color{white}{7}b",
            r"a\iffalse 7 \fib",
            "a<span style=\"display: none\">7</span>b",
            "a<div hidden>7</div>b",
            "a<script>7</script>b",
            r"a\begin{comment}7\end{comment}b",
            r"a\sout{The answer}b",
            r"a\cancel{\boxed{7}}b",
            r"a\textcolor{white}{7}b",
        ] {
            assert_eq!(shown(text), "ab", "{text}");
        }
        assert_eq!(shown("a\n% 7, \\boxed{7}\nb"), "a\n\nb");
        assert_eq!(shown("a\n[//]: # (7)\nb"), "a\n\nb");
        assert_eq!(shown("a <!-- 7"), "a ");
        assert_eq!(shown(r"\boxed{\cancel{7}}"), r"\boxed{}");
    }

    #[test]
    fn what_only_looks_hidden_is_shown() {
        for text in [
            "50% of 14 is 7",
            "% of all: 7",
            "5~~\\text{cm}~~6",
            "x~~=~~7",
            "~~ 7 ~~",
            "<s>7</s>",
            "<b>7</b> <span>8</span>",
            r"\frac{\cancel{2}\cdot7}{\cancel{2}}",
            "a < b, c <- d",
            "[T] [c] [/]",
            r"\pi \hat x \vec v \cos x \boxed{7} \xi \sin t \to \in",
            "</del> 7",
        ] {
            assert!(matches!(shown(text), Cow::Borrowed(_)), "{text}: {}", shown(text));
        }
    }

    #[test]
    fn a_flood_of_marks_is_gone_through_once() {
        for mark in ["<del>", "<reasoning>", "~~a", "<!-", "\\phantom{", "<span hidden>", "\n%A"] {
            assert!(shown(&mark.repeat(20_000)).len() <= 20_000 * 16, "{mark}");
        }
    }
}
