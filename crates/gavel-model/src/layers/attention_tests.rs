//! Attention within bounds, by the plain twin of its kernel, against attention within rectangles, by torch.

use tch::{Device, Kind};

use super::*;
use crate::packed::{Group, Packed};

fn output_and_gradient(groups: &[Group<'_>], heads: Heads, bounds: bool) -> [Tensor; 2] {
    let packed = Packed::new(groups, bounds, Device::Cpu);
    let (tokens, width) = (packed.input_tokens() as i64, (heads.queries + 2 * heads.keys) * heads.width);
    // The same numbers for both, of no pattern.
    let numbers = |count: i64, step: f64| (Tensor::arange(count, (Kind::Double, Device::Cpu)) * step).sin();
    let leaf = numbers(tokens * width, 12.9898).view([tokens, width]).set_requires_grad(true);
    let by_output = numbers(tokens * heads.queries * heads.width, 78.233).view([tokens, -1]);
    let rotation = Rotation::new(&packed.positions, heads.width, 100.0);
    let output = attention(&leaf * 1.0, heads, &rotation, &packed.visibility, Look::default());
    (&output * by_output).sum(Kind::Double).backward();
    [output.detach(), leaf.grad()]
}

#[test]
fn prompts_that_are_shared_have_the_gradient_of_prompts_that_are_not() {
    let shapes = [Heads { queries: 2, keys: 2, width: 4 }, Heads { queries: 6, keys: 2, width: 8 }];
    let several = [
        Group { prompt: &[1, 2, 3], completions: vec![&[4, 5, 6, 7], &[8], &[9, 10]] },
        Group { prompt: &[1], completions: vec![&[2, 3], &[4, 5, 6]] },
        Group { prompt: &[5, 6, 7, 8, 9], completions: vec![&[1]] },
    ];
    let single = [Group { prompt: &[1, 2], completions: vec![&[3, 4, 5, 6]] }];
    let alone = [Group { prompt: &[1, 2, 3, 4], completions: Vec::new() }];
    for heads in shapes {
        for groups in [&several[..], &single, &alone] {
            let (bounds, rectangles) =
                (output_and_gradient(groups, heads, true), output_and_gradient(groups, heads, false));
            for (found, expected) in bounds.iter().zip(&rectangles) {
                assert!(found.allclose(expected, 1e-9, 1e-9, false), "{heads:?} {groups:?}");
            }
        }
    }
}
