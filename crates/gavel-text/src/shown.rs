//! What a reader sees of a completion: one spelling for the marks of thoughts, and nothing that is hidden or struck out.

mod marks;
mod signs;
mod tags;

use std::borrow::Cow;

use crate::braces::Braces;
use marks::{bracket, comment, struck, token};
use signs::each_sign;

/// The longest tag with its attributes, in bytes.
const LONGEST_TAG: usize = 200;
/// How many groups and lines are gone through for their end.
const MOST_GROUPS: usize = 500;
/// How many commands of a text's own are looked for.
const MOST_DEFINED: usize = 16;
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
    let Cuts { found: cuts, defined, .. } = Cuts::of(text);
    if !defined.is_empty() {
        return Cow::Owned(without_defined(&with_cuts(text, cuts), &defined));
    }
    if cuts.is_empty() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(with_cuts(text, cuts))
}

/// A text with what is put in the place of each cut.
fn with_cuts(text: &str, cuts: Vec<Cut>) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for cut in cuts {
        shown.push_str(&text[from..cut.start]);
        shown.push_str(cut.put);
        from = cut.end;
    }
    shown.push_str(&text[from..]);
    shown
}

/// A text without the commands that it defines for itself: what these show cannot be told from their names. `\boxed` is
/// no box any more where the text has made something else of it.
fn without_defined(text: &str, defined: &[&str]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        shown.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        let name = defined.iter().find(|name| {
            rest.strip_prefix(**name)
                .is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphabetic()))
        });
        if let Some(name) = name {
            shown.push_str("undefined");
            rest = &rest[name.len()..];
        }
    }
    shown.push_str(rest);
    shown
}

/// A text without what is hidden or struck out in it; thoughts stay, and are spelled as they are.
pub(crate) fn unhidden(text: &str) -> Cow<'_, str> {
    let mut cuts = Cuts::of(text).found;
    cuts.retain(|cut| cut.hides);
    if cuts.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(with_cuts(text, cuts)) }
}

/// Whether a reader of the page never sees what stands at a byte of a text: [`shown`] leaves it out.
pub fn is_hidden(text: &str, at: usize) -> bool {
    let mut cuts = Cuts::of(text).found.into_iter();
    cuts.any(|cut| cut.put.is_empty() && (cut.start..cut.end).contains(&at))
}

/// A part of a text, and what stands there instead.
struct Cut {
    start: usize,
    end: usize,
    put: &'static str,
    /// Whether it is markup that hides it, and not what a thought is told by.
    hides: bool,
}

/// The cuts of a text, found from its start on.
struct Cuts<'t> {
    text: &'t str,
    found: Vec<Cut>,
    /// Closing marks that do not stand in the rest of the text any more, so that none is looked for twice.
    absent: Vec<&'static str>,
    groups: usize,
    /// Names of the commands that the text defines, without their backslash.
    defined: Vec<&'t str>,
    /// Found when the first command that hides its group comes.
    braces: Option<Braces>,
}

impl<'t> Cuts<'t> {
    fn of(text: &'t str) -> Self {
        let mut cuts = Self {
            text,
            found: Vec::new(),
            absent: Vec::new(),
            groups: 0,
            defined: Vec::new(),
            braces: None,
        };
        let mut from = cuts.spoken_channel();
        each_sign(text, |at| {
            if at < from {
                return;
            }
            if let Some(cut) = cuts.at(at) {
                from = cut.end;
                cuts.found.push(cut);
            }
        });
        cuts
    }

    /// Where tokens are left out of a text, gpt-oss writes `analysis…assistantfinal…`.
    fn spoken_channel(&mut self) -> usize {
        const FINAL: &str = "assistantfinal";
        let is_analysis = self.text.starts_with("analysis");
        let end = if is_analysis { self.text.rfind(FINAL).map(|at| at + FINAL.len()) } else { None };
        if let Some(end) = end {
            self.found.push(Cut { start: 0, end, put: "", hides: false });
        }
        end.unwrap_or(0)
    }

    /// Whether one more group may be gone through.
    fn may_look(&mut self) -> bool {
        self.groups += 1;
        self.groups <= MOST_GROUPS
    }

    /// What starts at a sign.
    fn at(&mut self, at: usize) -> Option<Cut> {
        let rest = &self.text[at..];
        let (length, put) = match rest.as_bytes() {
            [b'<', b'!', ..] if rest.starts_with("<!--") => {
                (self.length_to(at, "-->").unwrap_or(rest.len()), "")
            }
            [b'<', b'|', ..] => token(rest)?,
            [b'<', b'u', ..] if rest.starts_with("<unused") => token(rest)?,
            [b'<', ..] => self.tag(at)?,
            [b'~', ..] if self.may_look() => (struck(self.text, at)?, ""),
            [b'%', ..] => (comment(self.text, at)?, ""),
            [b'[', ..] => bracket(self.text, at)?,
            [b'\\', ..] => {
                if matches!(
                    rest.as_bytes(),
                    [_, b'r' | b'n' | b'd' | b'g' | b'e' | b'x' | b'l' | b'p' | b'D', ..]
                ) && self.defined.len() < MOST_DEFINED
                    && let Some(name) = tags::defined(rest)
                {
                    self.defined.push(name);
                    return None;
                }
                (self.command(at)?, "")
            }
            [0xe2, ..] => {
                let marks = [("◁think▷", OPEN), ("◁/think▷", CLOSE)];
                let (mark, put) = marks.into_iter().find(|(mark, _)| rest.starts_with(*mark))?;
                (mark.len(), put)
            }
            _ => return None,
        };
        let hides = put.is_empty() && !tags::is_aside(rest);
        Some(Cut { start: at, end: at + length, put, hides })
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
            "a<details hidden>7</details>b",
            "a<b style=\"display:none\">7</b>b",
            "a<b style=\"opacity:0.0\">7</b>b",
            "a<script>7</script>b",
            r"a\begin{comment}7\end{comment}b",
            r"a\sout{The answer}b",
            r"a\cancel{\boxed{7}}b",
            r"a\textcolor{white}{7}b",
            "a<font color='white'>7</font>b",
            "a<font size=0>7</font>b",
            "a<h1 style='position:absolute;left:-9999px'>7</h1>b",
        ] {
            assert_eq!(shown(text), "ab", "{text}");
        }
        assert_eq!(shown("a\n% 7, \\boxed{7}\nb"), "a\n\nb");
        assert_eq!(shown("a\n[//]: # (7)\nb"), "a\n\nb");
        assert_eq!(shown("a <!-- 7"), "a ");
        assert_eq!(shown(r"\boxed{\cancel{7}}"), r"\boxed{}");
    }

    #[test]
    fn a_command_that_a_text_defines_shows_what_nobody_knows() {
        for text in [
            r"\renewcommand{\boxed}[1]{8} \boxed{7}",
            r"\def\boxed#1{8} \boxed{7}",
            r"\let\boxed\phantom $\boxed{7}$",
            r"\newcommand*{\boxed}[1]{8} \boxed{7}",
            r"\gdef \boxed#1{8} \boxed{7}",
        ] {
            assert!(!shown(text).contains(r"\boxed"), "{text}: {}", shown(text));
        }
        for text in [r"\renewcommand{\arraystretch}{1.5} \boxed{7}", r"\newline \degree \left( \boxed{7}"] {
            assert!(shown(text).contains(r"\boxed{7}"), "{text}: {}", shown(text));
        }
    }

    #[test]
    fn a_place_in_a_comment_is_hidden() {
        assert!(is_hidden("a <!-- b --> c", 7));
        assert!(!is_hidden("a <!-- b --> c", 13));
        assert!(!is_hidden("[THINK]a[/THINK] b", 17));
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
            "<b style=\"opacity:0.9;background-color:white\">7</b>",
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
