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

/// The rotation of each of some tokens. As in checkpoints of Hugging Face, the halves of what is turned of a head are
/// paired: element `i` with element `i + pairs`, and `2 · pairs` is `head_dim` unless a part of it is turned alone.
#[derive(Debug)]
pub struct Rotation {
    /// `(N, pairs)` fp32.
    cosines: Tensor,
    sines: Tensor,
    head_dim: i64,
}

impl Rotation {
    /// For tokens at `positions` `(N)`, in heads of `head_dim`, with base frequency `theta`.
    pub fn new(positions: &Tensor, head_dim: i64, theta: f64) -> Self {
        let options = (Kind::Float, positions.device());
        let exponents = Tensor::arange_start_step(0, head_dim, 2, options) / head_dim as f64;
        Self::with_frequencies(positions, &(exponents * -theta.ln()).exp(), 1.0, head_dim)
    }

    /// For tokens at `positions` `(N)`, with these radians for each position, `(pairs)` fp32; what is turned is multiplied
    /// by `length` too. Only the first `2 · pairs` elements of a head are turned.
    pub fn with_frequencies(positions: &Tensor, frequencies: &Tensor, length: f64, head_dim: i64) -> Self {
        let angles = positions.to_kind(Kind::Float).unsqueeze(-1) * frequencies;
        Self { cosines: angles.cos() * length, sines: angles.sin() * length, head_dim }
    }

    /// Whether whole heads are turned, as the kernels do it.
    fn is_whole(&self) -> bool {
        2 * self.cosines.size()[1] == self.head_dim
    }

    /// Another name for the same.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        Self {
            cosines: self.cosines.shallow_clone(),
            sines: self.sines.shallow_clone(),
            head_dim: self.head_dim,
        }
    }

    /// Turns the first `heads` heads of each row of `rows` `(N, width)`, in place; the others stay. Computed in fp32.
    pub fn turn(&self, rows: &Tensor, heads: i64, direction: Direction) {
        let sign = if direction == Direction::Forward { 1.0 } else { -1.0 };
        if self.is_whole() && kernels::turn(rows, [&self.cosines, &self.sines], heads, sign).is_some() {
            return;
        }
        let half = self.cosines.size()[1];
        let kind = wide(rows.kind());
        let heads = rows.narrow(1, 0, heads * self.head_dim).view([-1, heads, self.head_dim]);
        let [mut first, mut second] = [0, half].map(|first| heads.narrow(2, first, half));
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
        let by_kernel =
            self.is_whole().then(|| kernels::join_turned(parts.each_ref(), more.as_ref(), angles)).flatten();
        if let Some(rows) = by_kernel {
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

    #[test]
    fn a_part_of_a_head_is_turned_and_becomes_longer() {
        let positions = Tensor::from_slice(&[3i64]);
        let rotation = Rotation::with_frequencies(&positions, &Tensor::from_slice(&[1f32]), 2.0, 4);
        let rows = Tensor::from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0]).view([1, 5]);
        rotation.turn(&rows, 1, Direction::Forward);
        let (sine, cosine) = 3f64.sin_cos();
        let expected = [2.0 * (cosine - 2.0 * sine), 2.0 * (2.0 * cosine + sine), 3.0, 4.0, 5.0];
        assert!(rows.get(0).allclose(&Tensor::from_slice(&expected), 1e-5, 1e-5, false));
    }
}
