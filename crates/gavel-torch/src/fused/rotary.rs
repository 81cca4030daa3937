//! Rotary position embeddings (RoFormer, [2104.09864](https://arxiv.org/abs/2104.09864)), applied where the heads lie.

use tch::{Kind, Tensor};

use super::kernels;
use crate::linear::wide;

/// Forward, or back: the gradient of a rotation is the inverse rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// By the angle of the position.
    Forward,
    /// By minus that angle.
    Back,
}

/// The rotation of each of some tokens. As in checkpoints of Hugging Face, the halves of a head are paired: element `i`
/// with element `i + head_dim / 2`.
#[derive(Debug)]
pub struct Rotation {
    /// `(N, head_dim / 2)` fp32.
    cosines: Tensor,
    sines: Tensor,
}

impl Rotation {
    /// For tokens at `positions` `(N)`, in heads of `head_dim`, with base frequency `theta`.
    pub fn new(positions: &Tensor, head_dim: i64, theta: f64) -> Self {
        let options = (Kind::Float, positions.device());
        let exponents = Tensor::arange_start_step(0, head_dim, 2, options) / head_dim as f64;
        Self::with_frequencies(positions, &(exponents * -theta.ln()).exp())
    }

    /// For tokens at `positions` `(N)`, with these radians for each position, `(head_dim / 2)` fp32.
    pub fn with_frequencies(positions: &Tensor, frequencies: &Tensor) -> Self {
        let angles = positions.to_kind(Kind::Float).unsqueeze(-1) * frequencies;
        Self { cosines: angles.cos(), sines: angles.sin() }
    }

    /// Another name for the same.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self { cosines: self.cosines.shallow_clone(), sines: self.sines.shallow_clone() }
    }

    /// Turns the first `heads` heads of each row of `rows` `(N, width)`, in place; the others stay. Computed in fp32.
    pub fn turn(&self, rows: &Tensor, heads: i64, direction: Direction) {
        let sign = if direction == Direction::Forward { 1.0 } else { -1.0 };
        if kernels::turn(rows, [&self.cosines, &self.sines], heads, sign).is_some() {
            return;
        }
        let half = self.cosines.size()[1];
        let kind = wide(rows.kind());
        let turned = rows.narrow(1, 0, heads * 2 * half).view([-1, heads, 2, half]);
        let [mut first, mut second] = [0, 1].map(|part| turned.select(2, part));
        let [a, b] = [&first, &second].map(|part| part.to_kind(kind));
        let [cosines, sines] = [&self.cosines, &self.sines].map(|part| part.unsqueeze(1).to_kind(kind));
        let sines = sines * f64::from(sign);
        let turned = [&a * &cosines - &b * &sines, b * cosines + a * sines];
        first.copy_(&turned[0]);
        second.copy_(&turned[1]);
    }

    /// The gradient by rows of queries, keys and values side by side, given those by turned queries `(N, heads, head_dim)`,
    /// turned keys and values `(N, key_value_heads, head_dim)`.
    ///
    /// `more` is added first: gradients by the queries from a row on, by the first keys and by the first values.
    pub fn join_back(&self, parts: [Tensor; 3], more: Option<(i64, [Tensor; 3])>) -> Tensor {
        let parts = parts.map(|part| part.contiguous());
        let more = more.map(|(first, more)| (first, more.map(|part| part.contiguous())));
        let angles = [&self.cosines, &self.sines];
        if let Some(rows) = kernels::join_turned(parts.each_ref(), more.as_ref(), angles) {
            return rows;
        }
        let turned_heads = parts[0].size()[1] + parts[1].size()[1];
        if let Some((first, more)) = &more {
            for ((part, more), first) in parts.iter().zip(more).zip([*first, 0, 0]) {
                let mut place = part.narrow(0, first, more.size()[0]);
                place += more;
            }
        }
        let rows = Tensor::cat(&parts.map(|part| part.flatten(1, 2)), 1);
        self.turn(&rows, turned_heads, Direction::Back);
        rows
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn pairs_are_turned_by_the_angle_of_their_position_and_back() {
        let positions = Tensor::from_slice(&[0i64, 3]);
        let rotation = Rotation::new(&positions, 4, 100.0);
        let rows = Tensor::arange(20, (Kind::Double, Device::Cpu)).view([2, 10]);
        let before = rows.copy();
        rotation.turn(&rows, 2, Direction::Forward);
        assert!(rows.get(0).equal(&before.get(0)), "position 0");
        assert!(rows.get(1).narrow(0, 8, 2).equal(&before.get(1).narrow(0, 8, 2)), "what is no head");
        // The second row begins with the head (10, 11, 12, 13): 10 with 12 at angle 3, 11 with 13 at angle 0.3.
        let expected = [
            10.0 * 3f64.cos() - 12.0 * 3f64.sin(),
            11.0 * 0.3f64.cos() - 13.0 * 0.3f64.sin(),
            12.0 * 3f64.cos() + 10.0 * 3f64.sin(),
            13.0 * 0.3f64.cos() + 11.0 * 0.3f64.sin(),
        ];
        assert!(rows.get(1).narrow(0, 0, 4).allclose(&Tensor::from_slice(&expected), 1e-5, 1e-5, false));
        rotation.turn(&rows, 2, Direction::Back);
        assert!(rows.allclose(&before, 1e-5, 1e-5, false));
    }
}
