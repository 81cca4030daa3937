//! What commands of LaTeX mean to the reader: layout, text, signs, other names of the same.

use Meaning::{Alias, Blackboard, Environment, IdleArgument, Layout, Operator, Sign, Space, Text};

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It only lays out.
    Layout,
    /// Its argument is text.
    Text,
    /// It is white space.
    Space,
    /// Its argument is no part of the answer.
    IdleArgument,
    /// Its argument is the name of a function.
    Operator,
    /// Its argument is the letter of a set.
    Blackboard,
    /// It begins or ends an environment.
    Environment,
    /// It is this character.
    Sign(char),
    /// It is another name of this command.
    Alias(&'static str),
}

/// What the command is that is called so; `None` for one that is read under its own name.
pub(super) fn meaning(name: &str) -> Option<Meaning> {
    let at = MEANINGS.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
    Some(MEANINGS[at].1)
}

/// In the order of their names, for they are searched by halves: most answers have commands, and each is looked up.
static MEANINGS: [(&str, Meaning); 145] = [
    ("Bbb", Blackboard),
    ("Big", Layout),
    ("Bigg", Layout),
    ("Bigl", Layout),
    ("Bigr", Layout),
    ("Large", Layout),
    ("Leftrightarrow", Sign('→')),
    ("Longrightarrow", Sign('→')),
    ("Rightarrow", Sign('→')),
    ("Vert", Sign('‖')),
    ("approx", Sign('≈')),
    ("approxeq", Sign('≈')),
    ("ast", Sign('*')),
    ("backslash", Sign('∖')),
    ("begin", Environment),
    ("bf", Layout),
    ("big", Layout),
    ("bigg", Layout),
    ("biggl", Layout),
    ("biggr", Layout),
    ("bigl", Layout),
    ("bigm", Layout),
    ("bigr", Layout),
    ("bm", Layout),
    ("bold", Layout),
    ("boldsymbol", Layout),
    ("boxed", Layout),
    ("bullet", Sign('*')),
    ("cap", Sign('∩')),
    ("cdot", Sign('*')),
    ("cdots", Sign('…')),
    ("cfrac", Alias("frac")),
    ("colon", Sign(':')),
    ("color", IdleArgument),
    ("cup", Sign('∪')),
    ("dbinom", Alias("binom")),
    ("deg", Sign('°')),
    ("degree", Sign('°')),
    ("dfrac", Alias("frac")),
    ("displaystyle", Layout),
    ("div", Sign('/')),
    ("dots", Sign('…')),
    ("dotsc", Sign('…')),
    ("dotsm", Sign('…')),
    ("emph", Text),
    ("emptyset", Sign('∅')),
    ("end", Environment),
    ("enspace", Space),
    ("equiv", Sign('≡')),
    ("fbox", Layout),
    ("ge", Sign('≥')),
    ("geq", Sign('≥')),
    ("geqq", Sign('≥')),
    ("geqslant", Sign('≥')),
    ("gt", Sign('>')),
    ("hat", Layout),
    ("hbox", Text),
    ("hphantom", IdleArgument),
    ("hspace", IdleArgument),
    ("iff", Sign('→')),
    ("implies", Sign('→')),
    ("in", Sign('∈')),
    ("it", Layout),
    ("lVert", Sign('‖')),
    ("label", IdleArgument),
    ("land", Sign('∧')),
    ("large", Layout),
    ("lbrace", Sign('⦃')),
    ("lbrack", Sign('[')),
    ("ldots", Sign('…')),
    ("le", Sign('≤')),
    ("left", Layout),
    ("leftrightarrow", Sign('→')),
    ("leq", Sign('≤')),
    ("leqq", Sign('≤')),
    ("leqslant", Sign('≤')),
    ("limits", Layout),
    ("longrightarrow", Sign('→')),
    ("lor", Sign('∨')),
    ("lt", Sign('<')),
    ("lvert", Sign('|')),
    ("mathbb", Blackboard),
    ("mathbf", Layout),
    ("mathcal", Layout),
    ("mathit", Layout),
    ("mathrm", Text),
    ("mathsf", Text),
    ("mathstrut", Layout),
    ("mbox", Text),
    ("mid", Sign('|')),
    ("middle", Layout),
    ("mp", Sign('∓')),
    ("ne", Sign('≠')),
    ("neq", Sign('≠')),
    ("nicefrac", Alias("frac")),
    ("nolimits", Layout),
    ("nonumber", Layout),
    ("notin", Sign('∉')),
    ("operatorname", Operator),
    ("percent", Sign('%')),
    ("phantom", IdleArgument),
    ("pm", Sign('±')),
    ("prime", Sign('\'')),
    ("qquad", Space),
    ("quad", Space),
    ("rVert", Sign('‖')),
    ("rbrace", Sign('⦄')),
    ("rbrack", Sign(']')),
    ("right", Layout),
    ("rightarrow", Sign('→')),
    ("rm", Layout),
    ("rvert", Sign('|')),
    ("scriptstyle", Layout),
    ("setminus", Sign('∖')),
    ("sfrac", Alias("frac")),
    ("sim", Sign('≈')),
    ("simeq", Sign('≈')),
    ("smallsetminus", Sign('∖')),
    ("space", Space),
    ("strut", Layout),
    ("tag", IdleArgument),
    ("tbinom", Alias("binom")),
    ("text", Text),
    ("textbf", Text),
    ("textcolor", IdleArgument),
    ("textit", Text),
    ("textnormal", Text),
    ("textrm", Text),
    ("textsf", Text),
    ("textstyle", Layout),
    ("texttt", Text),
    ("tfrac", Alias("frac")),
    ("thickapprox", Sign('≈')),
    ("thinspace", Space),
    ("times", Sign('*')),
    ("tiny", Layout),
    ("to", Sign('→')),
    ("underline", Layout),
    ("varnothing", Sign('∅')),
    ("vec", Layout),
    ("vee", Sign('∨')),
    ("vert", Sign('|')),
    ("vphantom", IdleArgument),
    ("vspace", IdleArgument),
    ("wedge", Sign('∧')),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order() {
        assert!(MEANINGS.is_sorted_by(|(one, _), (next, _)| one < next));
        assert_eq!(meaning("cdot"), Some(Sign('*')));
        assert_eq!(meaning("sqrt"), None);
    }
}
