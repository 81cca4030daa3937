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
    let mut starts = vec![label(0, 'a')?];
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
    for token in &tokens[start..] {
        match &token.kind {
            Kind::Letter(letter) => {
                name.get_or_insert(letter.to_string());
                whole |= *letter == 'Z' && says;
            }
            Kind::Text(word) | Kind::Word(word) => {
                let word = word.to_lowercase();
                if quantity::takes_back(&word) && !matches!(&*word, "is" | "are") {
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
            // `for n \ge 2`
            Kind::Sign('<' | '>' | '≤' | '≥' | '≠') => (says, bounds) = (true, true),
            Kind::Number(_) if bounds || name.is_none() => {}
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
    if !says
        || name.is_none()
        || bounds && !is_formula_in(&tokens[..start], name.as_deref().unwrap_or_default())
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
        Kind::Text("for" | "where" | "with" | "For") | Kind::Word("for" | "where" | "with") => true,
        Kind::Command("forall") => true,
        Kind::Sign('(') => {
            matches!(
                tokens.get(at + 1).map(|it| &it.kind),
                Some(Kind::Letter(_) | Kind::Text("where" | "for"))
            ) && encloses(at)
                && tokens.last().is_some_and(|it| it.kind == Kind::Sign(')'))
                && tokens[at..]
                    .iter()
                    .any(|it| matches!(it.kind, Kind::Sign('∈' | '<' | '>' | '≤' | '≥') | Kind::Text("is")))
        }
        _ => false,
    };
    // A remark is short.
    let from = tokens.len().saturating_sub(14).max(1);
    (from..tokens.len()).find(|&at| opens(at))
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
