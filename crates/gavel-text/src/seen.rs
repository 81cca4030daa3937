//! Whether a reader sees what stands at a place: the burden of proof is the text's.
//!
//! There are more ways to hide something than can be listed, so a place that is inside of something counts as seen only
//! where all of that is known to show what it holds: commands of LaTeX, environments, tags with their attributes.

use crate::end_of;

/// How much before a place is looked at, in bytes.
const NEAR: usize = 400;

/// Commands that show their arguments.
const SHOWING: &str = " text textbf textit textrm textsf texttt textsc textnormal textup textmd emph mathbf mathrm mathit \
    mathsf mathtt mathcal mathbb mathfrak mathnormal boldsymbol bm pmb mbox hbox underline underbrace overbrace boxed fbox \
    framebox frac dfrac tfrac cfrac sqrt color textcolor colorbox fcolorbox mathcolor ensuremath tiny scriptsize footnotesize \
    small large Large LARGE huge Huge normalsize displaystyle textstyle underset overset stackrel substack centerline \
    operatorname mathop tag item section subsection subsubsection paragraph caption answer ans final begin end left right \
    big Big bigg Bigg overline bar log exp max min bf it rm multicolumn multirow parbox makebox href ce pu SI num bbox mathbin \
    mathrel mathord mathopen mathclose quad qquad therefore because implies iff Rightarrow Longrightarrow rightarrow \
    longrightarrow to cdot times div dots ldots cdots approx equiv sim cong le ge leq geq ne neq pm mp in sum prod int lim \
    newline par noindent hfill medskip smallskip bigskip ";
/// Environments that show what they hold.
const ENVIRONMENTS: &str = " align align* aligned alignat alignat* alignedat equation equation* gather gather* gathered split \
    cases array center tabular matrix pmatrix bmatrix vmatrix smallmatrix multline multline* eqnarray eqnarray* flalign \
    flalign* alignedat* gathered* multlined dcases rcases numcases subequations subarray Bmatrix Vmatrix matrix* pmatrix* \
    bmatrix* longtable tabularx tabular* figure table verbatim lstlisting theorem* remark remark* note example example* claim \
    corollary proposition definition problem question result finalanswer boxedminipage shaded flushleft flushright block frame \
    abstract tikzpicture document enumerate itemize description quote quotation proof solution theorem lemma answer minipage tcolorbox \
    mdframed framed displaymath math small large Large ";
/// Colours that are seen on white and on black paper alike, as they are and within the names of their shades.
const COLOURS: [&str; 32] = [
    "red",
    "blue",
    "green",
    "black",
    "orange",
    "purple",
    "brown",
    "teal",
    "violet",
    "magenta",
    "cyan",
    "navy",
    "maroon",
    "olive",
    "gray",
    "grey",
    "crimson",
    "gold",
    "pink",
    "lime",
    "indigo",
    "turquoise",
    "orchid",
    "salmon",
    "plum",
    "lavender",
    "yellow",
    "emerald",
    "coral",
    "tomato",
    "mahogany",
    "aquamarine",
];
/// Names of colours that are too near to the paper's.
const PALE: [&str; 5] = ["white", "light", "pale", "ghost", "back"];
/// Attributes that hide nothing, and properties of a style that hide nothing where their value is not nought.
const ATTRIBUTES: &str = " class id href src alt title align lang dir name color face size target rel start type bgcolor border \
    cellpadding cellspacing colspan rowspan valign open markdown xmlns display mathvariant ";
const PROPERTIES: &str = " color background background-color font-weight font-style font-family font-size text-align border \
    border-radius border-left border-bottom border-top border-right padding padding-left padding-right padding-top \
    padding-bottom margin margin-top margin-bottom margin-left margin-right text-decoration display vertical-align \
    box-shadow ";

/// Whether a reader sees what stands behind `before`: all that it stands in is known to show what it holds.
pub fn is_seen(before: &str) -> bool {
    let near = end_of(before, NEAR);
    !may_hide(near) || is_in_shown_tags(near) && is_in_shown_commands(near)
}

/// Whether a text has anything that a place may be hidden by; most have not.
fn may_hide(near: &str) -> bool {
    const HIDING: [&[u8]; 9] = [
        b"if",
        b"hspace",
        b"mspace",
        b"textcolor",
        b"fontsize",
        b"color",
        b"transparent",
        b"define",
        b"scale",
    ];
    let bytes = near.as_bytes();
    let mut depth = 0_usize;
    for at in memchr::memrchr3_iter(b'}', b'{', b'<', bytes) {
        match bytes[at] {
            b'}' => depth += 1,
            b'{' if depth == 0 => return true,
            b'{' => depth -= 1,
            _ if bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic) => return true,
            _ => {}
        }
    }
    // Environments that are closed again hold nothing of what follows.
    let mut open = 0_usize;
    let hides = memchr::memchr_iter(b'\\', bytes).any(|at| {
        let name = &bytes[at + 1..];
        match name.first() {
            Some(b'b') => open += usize::from(name.starts_with(b"begin")),
            Some(b'e') => open = open.saturating_sub(usize::from(name.starts_with(b"end{"))),
            Some(b'i' | b'h' | b'm' | b't' | b'f' | b'c' | b'd' | b's') => {
                return HIDING.iter().any(|it| name.starts_with(it));
            }
            _ => {}
        }
        false
    });
    hides || open > 0
}

/// What a group of LaTeX is: the argument of a command, where it starts, and whether something in it hides the rest.
struct Group<'t> {
    command: &'t str,
    start: usize,
    /// Which argument of its command it is, from 0.
    place: usize,
    hides: bool,
}

fn is_in_shown_commands(near: &str) -> bool {
    let mut groups = vec![Group { command: "", start: 0, place: 0, hides: false }];
    let mut conditions = 0_usize;
    let mut environments: Vec<&str> = Vec::new();
    // The command whose argument may come next.
    let mut command = "";
    let mut place = 0;
    // Whether what `\textcolor` comes to next has a colour that may be the paper's.
    let mut is_unseen = false;
    let mut at = 0;
    while at < near.len() {
        let rest = &near[at..];
        let c = rest.as_bytes()[0];
        let mut length = rest.chars().next().map_or(1, char::len_utf8);
        match c {
            b'\\' => {
                let name = &rest[1..];
                let letters = name.bytes().take_while(u8::is_ascii_alphabetic).count();
                command = &name[..letters];
                place = 0;
                length = 1 + letters
                    .max(usize::from(!name.is_empty()) * name.chars().next().map_or(0, char::len_utf8));
                match command {
                    "fi" => conditions = conditions.saturating_sub(1),
                    "iff" => {}
                    "definecolor" | "colorlet" | "transparent" => return false,
                    _ if command.starts_with("if") => conditions += 1,
                    _ => {}
                }
            }
            b'{' => {
                let hides = command == "textcolor" && place == 1 && is_unseen;
                groups.push(Group { command, start: at + 1, place, hides });
            }
            b'}' if groups.len() > 1 => {
                let Some(group) = groups.pop() else { break };
                let argument = near[group.start..at].trim();
                command = group.command;
                place = group.place + 1;
                match command {
                    "begin" => environments.push(argument),
                    "end" => drop(environments.pop()),
                    "fontsize" | "scalebox" if is_small(argument) => {
                        groups.iter_mut().for_each(|it| it.hides = true)
                    }
                    "hspace" | "kern" | "raisebox" | "hskip" | "mspace" if is_far(argument) => return false,
                    // `\\color{white}` goes on to the end of its group, `\\textcolor{white}` has its own.
                    "textcolor" if group.place == 0 => is_unseen = !is_colour(argument),
                    "color" if group.place == 0 && !is_colour(argument) => {
                        if let Some(outer) = groups.last_mut() {
                            outer.hides = true;
                        }
                    }
                    _ => {}
                }
            }
            // An optional argument.
            b'[' if !command.is_empty() => length = rest.find(']').map_or(1, |end| end + 1),
            b'[' | b']' | b' ' | b'}' | b'*' => {}
            _ => command = "",
        }
        at += length;
    }
    let shows =
        |group: &Group<'_>| !group.hides && (group.command.is_empty() || is_in(SHOWING, group.command));
    conditions == 0 && groups.iter().all(shows) && environments.iter().all(|name| is_in(ENVIRONMENTS, name))
}

/// Whether a size or a scale is too small to be read.
fn is_small(size: &str) -> bool {
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.trim().parse::<f64>().is_ok_and(|size| size < 0.5)
}

/// Whether a length takes what stands behind it off the page: `-1000pt`.
fn is_far(length: &str) -> bool {
    length.contains('-') && length.bytes().filter(u8::is_ascii_digit).count() > 2
}

/// Whether a colour is seen on paper: a name, a share of one (`blue!70!black`), `#ff0000`, or numbers of a model.
fn is_colour(colour: &str) -> bool {
    /// Of a colour mixed with white, in per cent.
    const LEAST_SHARE: u32 = 30;
    let lowered = colour.trim().to_ascii_lowercase();
    if let Some(digits) = lowered.strip_prefix('#') {
        // White has large numbers only.
        let step = if digits.len() == 3 { 1 } else { 2 };
        return digits.bytes().step_by(step).any(|digit| !matches!(digit, b'e' | b'f'));
    }
    if lowered.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        let numbers: Vec<f64> = lowered.split(',').filter_map(|it| it.trim().parse().ok()).collect();
        let most = if numbers.iter().any(|number| *number > 1.0) { 255.0 } else { 1.0 };
        return numbers.iter().any(|number| *number < 0.85 * most);
    }
    let mut parts = lowered.split('!');
    let name = parts.next().unwrap_or_default();
    let is_faint =
        parts.next().and_then(|share| share.parse::<u32>().ok()).is_some_and(|share| share < LEAST_SHARE);
    !is_faint && COLOURS.iter().any(|it| name.contains(it)) && !PALE.iter().any(|it| name.contains(it))
}

fn is_in_shown_tags(near: &str) -> bool {
    let mut open: Vec<(&str, bool)> = Vec::new();
    let tags = memchr::memchr_iter(b'<', near.as_bytes()).filter_map(|at| {
        let inner = &near[at + 1..];
        inner.split_once('>').map(|(tag, _)| tag)
    });
    for tag in tags {
        match tag.strip_prefix('/') {
            Some(name) => {
                if let Some(place) = open.iter().rposition(|(open, _)| open.eq_ignore_ascii_case(name.trim()))
                {
                    open.truncate(place);
                }
            }
            None => {
                let (name, attributes) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
                if is_tag(name) && !tag.contains(['$', '\\', '<']) && !attributes.ends_with('/') {
                    open.push((name, shows(attributes)));
                }
            }
        }
    }
    open.iter().all(|(_, shows)| *shows)
}

/// Whether a tag may have such a name: `<n = 5 and m>` is two comparisons.
fn is_tag(name: &str) -> bool {
    const OF_ONE_LETTER: [&str; 7] = ["a", "b", "i", "p", "q", "s", "u"];
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b':'))
        && (name.len() > 1 || OF_ONE_LETTER.contains(&&*name.to_ascii_lowercase()))
}

/// Whether all attributes of a tag are known to hide nothing.
fn shows(attributes: &str) -> bool {
    let mut rest = attributes.trim();
    while !rest.is_empty() {
        let name = &rest[..rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == ':'))
            .unwrap_or(rest.len())];
        let Some(value) = rest[name.len()..].trim_start().strip_prefix('=') else {
            // Else it is no tag: `a <b and c> d`.
            return !is_in(" hidden inert popover ", name);
        };
        if name.is_empty() {
            return true;
        }
        let value = value.trim_start();
        let (value, next) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => match value[1..].split_once(quote) {
                Some(parts) => parts,
                None => return false,
            },
            _ => value.split_once([' ', '\n']).unwrap_or((value, "")),
        };
        let name = name.to_ascii_lowercase();
        let is_shown = if name == "style" { is_shown_style(value) } else { is_in(ATTRIBUTES, &name) };
        if !is_shown {
            return false;
        }
        rest = next.trim_start();
    }
    true
}

/// Whether all properties of a style are known, and none is nought, negative or none.
fn is_shown_style(style: &str) -> bool {
    style.split(';').filter(|it| !it.trim().is_empty()).all(|property| {
        let Some((name, value)) = property.split_once(':') else { return false };
        let value = value.trim().to_ascii_lowercase();
        let name = name.trim().to_ascii_lowercase();
        let is_size = matches!(&*name, "font-size");
        let is_nought = value.trim_start_matches(['0', '.']).starts_with(|c: char| !c.is_ascii_digit())
            && value.starts_with(['0', '.'])
            || value.trim_matches(['0', '.']).is_empty();
        let is_through = name == "text-decoration" && value.contains("through");
        is_in(PROPERTIES, &name)
            && !value.starts_with('-')
            && value != "none"
            && !(is_size && is_nought)
            && !is_through
    })
}

fn is_in(list: &str, word: &str) -> bool {
    let bytes = list.as_bytes();
    !word.is_empty()
        && memchr::memmem::find_iter(bytes, word)
            .any(|at| at > 0 && bytes[at - 1] == b' ' && bytes.get(at + word.len()) == Some(&b' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_seen_where_all_that_it_stands_in_shows_it() {
        for before in [
            "",
            "so ",
            r"$\textbf{Answer: ",
            r"\[ \begin{aligned} x &= 3 + 4 \\ &= ",
            r"$\color{red}{",
            r"$\textcolor{blue}{\frac{1}{",
            r"{\Large ",
            r"\left\{ x : x = ",
            r"\sum_{k=",
            r"2^{",
            r"\frac{1}{2} + ",
            "<b>",
            "<p style=\"color: red; font-weight: bold\">",
            "<span style='text-align:center'>",
            "a < b and ",
            r"x \iff y ",
            r"\hat{x} = ",
            r"x = 12 - 5 \implies {",
            "<div style=\"zoom:0\">a</div> so ",
            "</think>",
            r"\color{red} ",
            r"\textcolor{NavyBlue}{",
            r"\textcolor[RGB]{200,0,0}{",
            r"\color{#FF0000}",
            r"\textcolor{blue!70!black}{",
            "for a <n = 5 and m> 3 it is ",
            "$a <b = 4$ and $c > 2$, so ",
            "if x <y, y=3 > 2 then ",
        ] {
            assert!(is_seen(before), "{before}");
        }
        for before in [
            r"\style{display:none}{",
            r"\enclose{updiagonalstrike}{",
            r"{\fontsize{0}{0}\selectfont ",
            r"\if0 ",
            r"\ifnum1=2 ",
            r"\foo{",
            r"\scalebox{0}{",
            r"\hat{",
            r"\begin{hidden} ",
            r"\transparent{0} ",
            r"{\color{white} ",
            r"\color{background} ",
            r"\textcolor[gray]{1}{",
            r"\textcolor[rgb]{1,1,1}{",
            r"\color{#fefefe}",
            r"\textcolor{blue!3}{",
            "<p style=\"opacity:0.0\">",
            "<p style=\"zoom:0\">",
            "<p style='font-size:0.0em'>",
            "<span inert>",
            "<svg width=\"0\">",
        ] {
            assert!(!is_seen(before), "{before}");
        }
    }
}
