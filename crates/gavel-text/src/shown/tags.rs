//! Tags and commands of LaTeX: those around thoughts, and those that hide or strike out what they hold.

use super::{CLOSE, Cuts, LONGEST_STRIKE, LONGEST_TAG, OPEN};
use crate::braces::Braces;
use crate::start_of;

impl Cuts<'_> {
    /// A tag of thoughts, of what is struck out or of what is hidden: how long it is, and what it becomes.
    pub(super) fn tag(&mut self, at: usize) -> Option<(usize, &'static str)> {
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
        let is = |names: &[&str]| names.iter().any(|it| it.eq_ignore_ascii_case(name));
        if behind.starts_with('>') {
            let length = rest.len() - behind.len() + 1;
            if is(&["think", "thinking", "seed:think"]) {
                return Some((length, if closes { CLOSE } else { OPEN }));
            }
            if let Some((_, end)) = ASIDES.iter().find(|(aside, _)| aside.eq_ignore_ascii_case(name)) {
                return match if closes { None } else { self.length_to(at, end) } {
                    Some(whole) => Some((whole, "")),
                    None => Some((length, if closes { CLOSE } else { OPEN })),
                };
            }
            if closes {
                return None;
            }
            // `<s>` starts a text, too, and `</s>` ends it.
            if name == "s" && self.may_look() {
                let line = start_of(rest, LONGEST_STRIKE).split('\n').next().unwrap_or_default();
                let end = line.find("</s>").filter(|_| !self.text[..at].trim().is_empty())?;
                return Some((end + "</s>".len(), ""));
            }
        }
        let (_, end) = HIDING.iter().find(|(hiding, _)| hiding.eq_ignore_ascii_case(name))?;
        let is_always =
            is(&["del", "strike", "script", "style", "template", "noscript", "head", "title", "datalist"]);
        if closes || !is_always && !hides(behind) {
            return None;
        }
        self.length_to(at, end).map(|whole| (whole, ""))
    }

    /// How long a command is that hides or strikes out its group, with the group.
    pub(super) fn command(&mut self, at: usize) -> Option<usize> {
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
        if !open.starts_with('{') {
            return None;
        }
        let opens = self.text.len() - open.len();
        let closes = self.braces.get_or_insert_with(|| Braces::of(self.text)).close_of(opens)?;
        let inner = &self.text[opens + 1..closes];
        let length = closes + 1 - at;
        // A factor that is cancelled is part of a working; an answer that is cancelled is none.
        let is_answer = || {
            let before = self.text[..at].trim_end();
            let is_all_of_a_box = before.ends_with("boxed{") && rest[length..].trim_start().starts_with('}');
            inner.contains("boxed") || inner.contains("answer") || is_all_of_a_box
        };
        (!STRIKES.contains(name) || is_answer()).then_some(length)
    }
}

/// The name of the command that a text starts to define: `\renewcommand{\boxed}`, `\def\boxed`, `\let\boxed`.
pub(super) fn defined(text: &str) -> Option<&str> {
    const DEFINING: [&str; 11] = [
        "\\renewcommand",
        "\\newcommand",
        "\\providecommand",
        "\\DeclareRobustCommand",
        "\\DeclareMathOperator",
        "\\DeclareDocumentCommand",
        "\\def",
        "\\gdef",
        "\\edef",
        "\\xdef",
        "\\let",
    ];
    let rest = DEFINING.iter().find_map(|it| text.strip_prefix(it))?;
    let name = rest.trim_start_matches(['*', '{', ' ', '\n']).strip_prefix('\\')?;
    let length = name.len() - name.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
    (length > 0).then(|| &name[..length])
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

/// Whether a text starts with the tag of thoughts that explain an answer.
pub(super) fn is_aside(text: &str) -> bool {
    let name = text.strip_prefix('<').unwrap_or_default();
    ASIDES.iter().any(|(aside, _)| {
        name.get(..aside.len()).is_some_and(|start| start.eq_ignore_ascii_case(aside))
            && name[aside.len()..].trim_start().starts_with('>')
    })
}

/// Tags whose content may not be seen, with the tags that close them.
const HIDING: [(&str, &str); 45] = [
    ("del", "</del>"),
    ("strike", "</strike>"),
    ("script", "</script>"),
    ("style", "</style>"),
    ("template", "</template>"),
    ("noscript", "</noscript>"),
    ("span", "</span>"),
    ("div", "</div>"),
    ("p", "</p>"),
    ("section", "</section>"),
    ("article", "</article>"),
    ("details", "</details>"),
    ("pre", "</pre>"),
    ("aside", "</aside>"),
    ("font", "</font>"),
    ("table", "</table>"),
    ("em", "</em>"),
    ("strong", "</strong>"),
    ("b", "</b>"),
    ("i", "</i>"),
    ("a", "</a>"),
    ("u", "</u>"),
    ("s", "</s>"),
    ("sub", "</sub>"),
    ("sup", "</sup>"),
    ("small", "</small>"),
    ("big", "</big>"),
    ("mark", "</mark>"),
    ("code", "</code>"),
    ("ul", "</ul>"),
    ("ol", "</ol>"),
    ("li", "</li>"),
    ("td", "</td>"),
    ("tr", "</tr>"),
    ("label", "</label>"),
    ("center", "</center>"),
    ("h1", "</h1>"),
    ("h2", "</h2>"),
    ("h3", "</h3>"),
    ("main", "</main>"),
    ("blockquote", "</blockquote>"),
    ("q", "</q>"),
    ("head", "</head>"),
    ("title", "</title>"),
    ("datalist", "</datalist>"),
];

/// Whether the attributes of a tag hide what it holds.
fn hides(attributes: &str) -> bool {
    // Without an end it is no tag, and most of the way to one that is far is not gone.
    let near = start_of(attributes, LONGEST_TAG);
    let Some(end) = near.find('>') else { return false };
    let attributes = &near[..end];
    const STYLES: [&str; 20] = [
        "display:none",
        "visibility:hidden",
        "visibility:collapse",
        "opacity:0",
        "font-size:0",
        "font:0",
        "color:white",
        "color:rgb(255,255,255)",
        "color:rgba(255,255,255",
        "color:hsl(0,0%,100%",
        "color:#fff",
        "color:transparent",
        "color:rgba(0,0,0,0)",
        "color=white",
        "color=#fff",
        "size=0",
        "left:-9",
        "text-indent:-9",
        "scale(0)",
        "max-height:0",
    ];
    let is_blank = |c: &char| matches!(c, ' ' | '\n' | '"' | '\'');
    let plain: String = attributes.chars().filter(|c| !is_blank(c)).map(|c| c.to_ascii_lowercase()).collect();
    let is_hiding = |style: &str| {
        plain.match_indices(style).any(|(at, _)| {
            // `opacity:0.9` shows, and so does `background-color:white`.
            let rest = plain[at + style.len()..].strip_prefix('.').unwrap_or_default();
            let shows = rest.trim_start_matches('0').starts_with(|c: char| c.is_ascii_digit());
            !shows && !plain[..at].ends_with('-')
        })
    };
    attributes.starts_with([' ', '\n'])
        && (STYLES.iter().any(|style| is_hiding(style))
            || attributes
                .split([' ', '\n'])
                .any(|word| matches!(word, "hidden" | "hidden=\"\"" | "hidden=''" | "hidden=hidden")))
}
