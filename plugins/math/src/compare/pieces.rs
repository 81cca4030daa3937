//! Pieces of the real line, put together and cut out of each other.

use std::cmp::Ordering;

use crate::expr::Expr;

/// More pieces than this are not put together.
const MOST_PIECES: usize = 60;

/// An end of a piece.
#[derive(Debug, Clone)]
pub(super) struct End {
    /// `None` for infinity.
    pub(super) value: Option<Expr>,
    /// Where it is, roughly; infinite for infinity.
    pub(super) at: f64,
    pub(super) closed: bool,
}

/// A piece of the line.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) low: End,
    pub(super) high: End,
}

pub(super) type Pieces = Vec<Piece>;

/// All of the line.
pub(super) fn line() -> Pieces {
    let end = |at| End { value: None, at, closed: false };
    vec![Piece { low: end(f64::NEG_INFINITY), high: end(f64::INFINITY) }]
}

pub(super) fn compare_low(a: &End, b: &End) -> Ordering {
    a.at.total_cmp(&b.at).then_with(|| b.closed.cmp(&a.closed))
}

/// In order, what touches put together.
pub(super) fn normal(mut pieces: Pieces) -> Pieces {
    pieces.retain(|piece| piece.low.at < piece.high.at || piece.low.closed && piece.high.closed);
    pieces.sort_by(|a, b| compare_low(&a.low, &b.low));
    let mut merged: Pieces = Vec::with_capacity(pieces.len());
    for piece in pieces.into_iter().take(MOST_PIECES) {
        match merged.last_mut() {
            Some(last)
                if last.high.at > piece.low.at
                    || last.high.at == piece.low.at && (last.high.closed || piece.low.closed) =>
            {
                let further =
                    piece.high.at > last.high.at || piece.high.at == last.high.at && piece.high.closed;
                if further {
                    last.high = piece.high;
                }
            }
            _ => merged.push(piece),
        }
    }
    merged
}

pub(super) fn intersection(a: &[Piece], b: &[Piece]) -> Pieces {
    let mut all = Vec::new();
    for a in a {
        for b in b {
            let low = match a.low.at.total_cmp(&b.low.at) {
                Ordering::Less => &b.low,
                Ordering::Greater => &a.low,
                Ordering::Equal => {
                    if a.low.closed {
                        &b.low
                    } else {
                        &a.low
                    }
                }
            };
            let high = match a.high.at.total_cmp(&b.high.at) {
                Ordering::Less => &a.high,
                Ordering::Greater => &b.high,
                Ordering::Equal => {
                    if a.high.closed {
                        &b.high
                    } else {
                        &a.high
                    }
                }
            };
            if low.at < high.at || low.at == high.at && low.closed && high.closed {
                all.push(Piece { low: low.clone(), high: high.clone() });
            }
        }
    }
    normal(all)
}

pub(super) fn complement(pieces: &[Piece]) -> Pieces {
    let mut all = Vec::new();
    let mut low = End { value: None, at: f64::NEG_INFINITY, closed: false };
    for piece in pieces {
        let high = End { closed: !piece.low.closed, ..piece.low.clone() };
        if piece.low.value.is_some() {
            all.push(Piece { low: low.clone(), high });
        }
        low = End { closed: !piece.high.closed, ..piece.high.clone() };
    }
    if low.at < f64::INFINITY {
        all.push(Piece { low, high: End { value: None, at: f64::INFINITY, closed: false } });
    }
    normal(all)
}
