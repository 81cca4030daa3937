//! What frames an answer: labels of its parts, and what is said of its variables behind it.

use super::{Unreadable, quantity, read};
use crate::expr::{Expr, NamedSet, Relation};
use crate::token::{Kind, Token};

/// `(a) 5 (b) 6` as a list of parts by name. `None` for anything else.
pub(super) fn labelled_parts(tokens: &[Token<'_>]) -> Option<Result<Expr, Unreadable>> {
    let label = |at: usize, expected: char| {
        let letter = match tokens.get(at + 1).map(|token| &token.kind)? {
            Kind::Letter(letter) => *letter,
            Kind::Text(word) if word.len() == 1 => word.chars().next()?,
            _ => return None,
        };
        let sign = |at: usize, sign: char| tokens.get(at).is_some_and(|it| it.kind == Kind::Sign(sign));
        (letter == expected && sign(at, '(') && sign(at + 2, ')')).then_some(at)
    };
    let first = label(0, 'a')?;
    let mut starts = vec![first];
    for expected in 'b'..='h' {
        let from = starts.last()? + 4;
        match (from..tokens.len()).find_map(|at| label(at, expected)) {
            Some(at) => starts.push(at),
            None => break,
        }
    }
    if starts.len() < 2 {
        return None;
    }
    let ends = starts[1..].iter().copied().chain([tokens.len()]);
    let parts = starts.iter().zip(ends).zip('a'..).map(|((start, end), letter)| {
        let part = tokens[start + 3..end].to_vec();
        let value = read(part)?;
        Ok(Expr::Relation(vec![Expr::Symbol(format!("({letter})")), value], vec![Relation::Equal]))
    });
    Some(parts.collect::<Result<Vec<_>, _>>().map(Expr::List))
}

/// Cuts `, where k is an integer`, `for all x` or `(k \in \mathbb{Z})` off the end. Returns the name of a variable that
/// is said to be whole.
pub(super) fn cut_remark(tokens: &mut Vec<Token<'_>>) -> Option<String> {
    let start = remark_start(tokens)?;
    let mut name = None;
    let (mut says, mut whole, mut bounds) = (false, false, false);
    let is_word = |at: usize, words: &[&str]| matches!(tokens.get(at).map(|it| &it.kind), Some(Kind::Text(word) | Kind::Word(word)) if words.contains(word));
    // `7 when x = 2` says where that is; `n = 1, 2, …` says what n may be. Otherwise an equation is an answer.
    let remark = &tokens[start..];
    let is_place = is_word(start, &["when", "at"]);
    let is_condition = is_word(start, &["if", "when"]);
    let signs = |sign: char| remark.iter().filter(|token| token.kind == Kind::Sign(sign)).count();
    let may_equate = signs('=') == 1 && (is_place || signs('…') > 0);
    for token in &remark[usize::from(is_condition)..] {
        match &token.kind {
            Kind::Letter(letter) => {
                name.get_or_insert(letter.to_string());
                whole |= *letter == 'Z' && says;
            }
            Kind::Text(word) | Kind::Word(word) => {
                let word = word.to_lowercase();
                let joins = matches!(&*word, "and" | "or" | "otherwise" | "else") && is_condition;
                if joins || quantity::takes_back(&word) && !matches!(&*word, "is" | "are") {
                    return None;
                }
                whole |= word.starts_with("integer") || word == "whole" || word == "natural";
                says |= matches!(
                    &*word,
                    "is" | "are"
                        | "all"
                        | "any"
                        | "every"
                        | "each"
                        | "some"
                        | "integer"
                        | "integers"
                        | "constant"
                );
                if word.len() == 1 && word != "a" {
                    name.get_or_insert(word);
                }
            }
            Kind::Sign('∈') => says = true,
            Kind::Sign('=') if may_equate => says = true,
            Kind::Sign('…') if may_equate => {}
            Kind::Sign('-') if is_place => {}
            // `for n \ge 2`
            Kind::Sign('<' | '>' | '≤' | '≥' | '≠') => (says, bounds) = (true, true),
            Kind::Number(_) if bounds || may_equate || name.is_none() => {}
            Kind::Command(set) => {
                whole |= matches!(*set, "Integers" | "Naturals");
                if !matches!(*set, "Integers" | "Naturals" | "Reals" | "Rationals" | "Complexes" | "forall") {
                    return None;
                }
            }
            Kind::Sign(',' | '.' | '(' | ')' | '{' | '}') => {}
            _ => return None,
        }
    }
    // A condition that names no variable of the formula makes cases of it.
    let must_concern = bounds || is_condition && !is_place || tokens[start].kind == Kind::Sign(',');
    if !says
        || name.is_none()
        || must_concern && !is_formula_in(&tokens[..start], name.as_deref().unwrap_or_default())
    {
        return None;
    }
    tokens.truncate(start);
    while tokens.last().is_some_and(|token| token.kind == Kind::Sign(',')) {
        tokens.pop();
    }
    name.filter(|_| whole)
}

/// Whether tokens are a formula in a variable, and no inequality: what bounds the variable then says where it holds.
fn is_formula_in(tokens: &[Token<'_>], name: &str) -> bool {
    let mentions = |token: &Token<'_>| match &token.kind {
        Kind::Letter(letter) => name.chars().eq([*letter]),
        Kind::Word(word) => word.len() <= 3 && word.contains(name),
        _ => false,
    };
    let is_order = |token: &Token<'_>| matches!(token.kind, Kind::Sign('<' | '>' | '≤' | '≥' | '≠' | '∈'));
    tokens.iter().any(mentions) && !tokens.iter().any(is_order)
}

/// Where the last `for`, `where` or bracketed declaration starts, behind something else.
fn remark_start(tokens: &[Token<'_>]) -> Option<usize> {
    // A bracket that closes at the end.
    let encloses = |at: usize| {
        let mut depth = 0_usize;
        tokens[at..].iter().enumerate().all(|(offset, token)| {
            match token.kind {
                Kind::Sign('(') => depth += 1,
                Kind::Sign(')') => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth > 0 || at + offset + 1 == tokens.len()
        })
    };
    let opens = |at: usize| match &tokens[at].kind {
        Kind::Text("for" | "where" | "with" | "For" | "if" | "when")
        | Kind::Word("for" | "where" | "with" | "if" | "when") => true,
        // `2^n - 1, n \ge 1`
        Kind::Sign(',') => {
            matches!(tokens.get(at + 1).map(|it| &it.kind), Some(Kind::Letter(_)))
                && matches!(
                    tokens.get(at + 2).map(|it| &it.kind),
                    Some(Kind::Sign('∈' | '<' | '>' | '≤' | '≥' | '≠'))
                )
                && !tokens[at + 1..].iter().any(is_comma_or_word)
        }
        Kind::Command("forall") => true,
        Kind::Sign('(') => {
            matches!(
                tokens.get(at + 1).map(|it| &it.kind),
                Some(Kind::Letter(_) | Kind::Text("where" | "for"))
            ) && encloses(at)
                && tokens.last().is_some_and(|it| it.kind == Kind::Sign(')'))
                && tokens[at..].iter().any(|it| {
                    matches!(it.kind, Kind::Sign('∈' | '<' | '>' | '≤' | '≥' | '≠' | '…') | Kind::Text("is"))
                })
        }
        _ => false,
    };
    // A remark is short.
    let from = tokens.len().saturating_sub(14).max(1);
    (from..tokens.len()).find(|&at| opens(at))
}

/// Whether more than one thing is said.
fn is_comma_or_word(token: &Token<'_>) -> bool {
    matches!(token.kind, Kind::Sign(',' | ';') | Kind::Text(_) | Kind::Word(_))
}

/// An answer with what is said of its variable.
pub(super) fn with_whole(answer: Expr, name: String) -> Expr {
    let said = Expr::Relation(vec![Expr::Symbol(name), Expr::Named(NamedSet::Integers)], vec![Relation::In]);
    match answer {
        Expr::List(mut members) => {
            members.push(said);
            Expr::List(members)
        }
        other => Expr::List(vec![other, said]),
    }
}
