//! The kernels beside their twins of plain tensor operations.

use super::super::testing::{card, compiles, integers, random, relative_error, same_bits};
use super::*;
use tch::Device;

/// The shapes of Qwen2.5-0.5B, Qwen3-4B, SmolLM2-135M and the demo, and others with one and with eight query heads to a
/// head of keys.
const SHAPES: [DecoderShape; 6] = [
    DecoderShape { hidden: 896, intermediate: 4864, head_dim: 64, heads: 14, key_heads: 2 },
    DecoderShape { hidden: 2560, intermediate: 9728, head_dim: 128, heads: 32, key_heads: 8 },
    DecoderShape { hidden: 576, intermediate: 1536, head_dim: 64, heads: 9, key_heads: 3 },
    DecoderShape { hidden: 128, intermediate: 256, head_dim: 32, heads: 4, key_heads: 4 },
    DecoderShape { hidden: 256, intermediate: 264, head_dim: 32, heads: 16, key_heads: 2 },
    DecoderShape { hidden: 5128, intermediate: 512, head_dim: 128, heads: 2, key_heads: 2 },
];

#[test]
fn kernels_compile_for_every_shape() {
    for shape in SHAPES {
        compiles(source(&constants(shape)));
    }
}

#[test]
fn shapes_that_kernels_are_not_made_for_are_refused() {
    let fits = SHAPES[0];
    for (shape, said) in [
        (DecoderShape { head_dim: 80, ..fits }, "heads of 80"),
        (DecoderShape { heads: 18, ..fits }, "18 heads on 2"),
        (DecoderShape { hidden: 900, ..fits }, "layers 900"),
    ] {
        let error = shape.check().unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    SHAPES.iter().for_each(|shape| shape.check().unwrap());
}

#[test]
fn norm_and_swiglu_are_those_of_tensors() {
    let Some(cuda) = card("RMSNorm and SwiGLU") else { return };
    let (device, stream) = (cuda.device(), cuda.current_stream());
    for shape in SHAPES {
        let kernels = DecodeKernels::new(&cuda, shape).unwrap();
        let rows = 37;
        let (input, weight) = (random(&[rows, shape.hidden], device), random(&[shape.hidden], device));
        let output = Tensor::full([rows, shape.hidden], f64::NAN, (Kind::BFloat16, device));
        kernels.rms_norm(rows, &input, &weight, 1e-6, &output, stream);
        let [exact_input, exact_weight] = [&input, &weight].map(|tensor| tensor.to_kind(Kind::Float));
        let exact = exact_input.rms_norm([shape.hidden], Some(&exact_weight), 1e-6);
        assert!(relative_error(&output, &exact) < 3e-3, "{shape:?}");

        let projected = random(&[rows, shape.projected()], device);
        let weights = [(); 2].map(|()| random(&[shape.head_dim], device));
        let heads = projected.to_kind(Kind::Float).view([rows, -1, shape.head_dim]);
        kernels.head_norm(rows, &projected, weights.each_ref(), 1e-6, stream);
        let parts = [shape.heads, shape.key_heads, shape.key_heads];
        let exact = heads.split_with_sizes(parts, 1).into_iter().enumerate().map(|(part, heads)| {
            let weight = weights.get(part).map(|weight| weight.to_kind(Kind::Float));
            weight
                .map_or(heads.shallow_clone(), |weight| heads.rms_norm([shape.head_dim], Some(&weight), 1e-6))
        });
        let exact = Tensor::cat(&exact.collect::<Vec<_>>(), 1).view([rows, -1]);
        assert!(relative_error(&projected, &exact) < 3e-3, "{shape:?}");

        let gate_up = random(&[rows, 2 * shape.intermediate], device);
        let output = Tensor::full([rows, shape.intermediate], f64::NAN, (Kind::BFloat16, device));
        kernels.silu_mul(rows, &gate_up, &output, stream);
        let halves = gate_up.to_kind(Kind::Float).chunk(2, 1);
        assert!(relative_error(&output, &(halves[0].silu() * &halves[1])) < 3e-3, "{shape:?}");
    }
}

#[test]
fn embedding_follows_slots_and_leaves_out_what_has_ended() {
    let Some(cuda) = card("embedding") else { return };
    let device = cuda.device();
    let kernels = DecodeKernels::new(&cuda, SHAPES[3]).unwrap();
    let embedding = random(&[11, 128], device);
    let (tokens, positions) = (integers(&[3, 4, 10], device), integers(&[7, 0, 90], device));
    let (of_rows, done) = (integers(&[2, -1, 0, 1], device), integers(&[0, 1, 0], device));
    let rows = integers(&[9; 8], device).view([4, 2]);
    let hidden = Tensor::full([4, 128], f64::NAN, (Kind::BFloat16, device));
    let slots = Slots { of_rows: &of_rows, tokens: &tokens, positions: &positions, done: &done };
    kernels.embed(4, &embedding, slots, &rows, &hidden, cuda.current_stream());
    let rows: Vec<i32> = Vec::try_from(rows.view([-1])).unwrap();
    assert_eq!(rows, [2, 90, -1, 0, 0, 7, -1, 0]);
    let chosen = embedding.index_select(0, &integers(&[10, 0, 3, 0], device));
    assert!(same_bits(&hidden, &chosen));
}

/// A cache with rows of given lengths in it, each the last token of a sequence of its own.
struct Scene {
    shape: DecoderShape,
    lengths: Vec<i64>,
    projected: Tensor,
    keys: Tensor,
    values: Tensor,
    rows: Tensor,
    table: Tensor,
    rope: Tensor,
}

impl Scene {
    fn new(shape: DecoderShape, lengths: &[i64], device: Device) -> Self {
        let count = lengths.len() as i64;
        let longest = lengths.iter().max().unwrap();
        let line = (longest + PAGE - 1) / PAGE;
        let pages = count * line;
        let cache = [pages, shape.key_heads, PAGE, shape.head_dim];
        let positions = Tensor::arange(line * PAGE, (Kind::Float, device)).unsqueeze(-1);
        let frequencies = Tensor::arange(shape.head_dim / 2, (Kind::Float, device)) * -0.3;
        let angles = positions * frequencies.exp();
        let places = (0..).zip(lengths).flat_map(|(line, &length)| [line, length as i32 - 1]);
        Self {
            shape,
            lengths: lengths.to_vec(),
            projected: random(&[count, shape.projected()], device),
            keys: random(&cache, device),
            values: random(&cache, device),
            rows: integers(&places.collect::<Vec<_>>(), device).view([count, 2]),
            table: Tensor::randperm(pages, (Kind::Int64, device)).to_kind(Kind::Int).view([count, line]),
            rope: Tensor::stack(&[angles.cos(), angles.sin()], -1).contiguous(),
        }
    }

    fn cache<'a>(&'a self, keys: &'a Tensor, values: &'a Tensor) -> Paged<'a> {
        Paged { keys, values, rows: &self.rows, table: &self.table, rope: &self.rope }
    }

    fn run(&self, cuda: &Cuda, stores: bool) -> Tensor {
        let kernels = DecodeKernels::new(cuda, self.shape).unwrap();
        let count = self.lengths.len() as i64;
        let partial = kernels.partial(cuda, count, *self.lengths.iter().max().unwrap());
        let [keys, values] = [&self.keys, &self.values].map(Tensor::copy);
        let cache = self.cache(&keys, &values);
        let options = (Kind::BFloat16, cuda.device());
        let output = Tensor::full([count, self.shape.attended()], f64::NAN, options);
        let stream = cuda.current_stream();
        if !stores {
            kernels.store_keys(count, &self.projected, cache, stream);
        }
        // Twice: the second run finds the counters as the first one left them.
        for _ in 0..2 {
            kernels.attention(count, &self.projected, cache, stores, (&output, &partial), stream);
        }
        output
    }

    /// One row by plain tensor operations.
    fn twin(&self, row: i64) -> Tensor {
        let DecoderShape { heads, key_heads, head_dim, .. } = self.shape;
        let length = self.lengths[row as usize];
        let all = |cache: &Tensor| {
            let pages = cache.index_select(0, &self.table.get(row));
            let tokens = pages.transpose(0, 1).reshape([key_heads, -1, head_dim]);
            tokens.narrow(1, 0, length).to_kind(Kind::Float)
        };
        let turn = |tensor: &Tensor| {
            let parts = tensor.to_kind(Kind::Float).chunk(2, -1);
            let turns = self.rope.get(length - 1);
            let (cos, sin) = (turns.select(-1, 0), turns.select(-1, 1));
            let turned = [&parts[0] * &cos - &parts[1] * &sin, &parts[1] * &cos + &parts[0] * &sin];
            Tensor::cat(&turned, -1).to_kind(Kind::BFloat16).to_kind(Kind::Float)
        };
        let projected = self.projected.get(row).view([heads + 2 * key_heads, head_dim]);
        let queries = turn(&projected.narrow(0, 0, heads)).view([key_heads, heads / key_heads, head_dim]);
        let (keys, values) = (all(&self.keys), all(&self.values));
        keys.select(1, length - 1).copy_(&turn(&projected.narrow(0, heads, key_heads)));
        let own = projected.narrow(0, heads + key_heads, key_heads).to_kind(Kind::Float);
        values.select(1, length - 1).copy_(&own);
        let scores = queries.matmul(&keys.transpose(1, 2)) / (head_dim as f64).sqrt();
        scores.softmax(-1, Kind::Float).matmul(&values).reshape([heads * head_dim])
    }
}

/// Around the ends of turns, strides, pages and splits.
const LENGTHS: [i64; 16] = [1, 2, 15, 16, 17, 63, 64, 65, 128, 129, 500, 1023, 1024, 1025, 1088, 2500];

#[test]
fn attention_is_that_of_tensors() {
    let Some(cuda) = card("attention") else { return };
    for shape in SHAPES {
        let scene = Scene::new(shape, &LENGTHS, cuda.device());
        let output = scene.run(&cuda, true);
        for (row, length) in (0..).zip(LENGTHS) {
            let error = relative_error(&output.get(row), &scene.twin(row));
            assert!(error < 1e-2, "{shape:?}, {length} tokens: {error}");
        }
        assert!(same_bits(&output, &scene.run(&cuda, false)), "{shape:?}: stored before or at the same time");
    }
}

#[test]
fn a_row_attends_the_same_alone_and_among_others() {
    let Some(cuda) = card("attention of single rows") else { return };
    let scene = Scene::new(SHAPES[0], &LENGTHS, cuda.device());
    let together = scene.run(&cuda, true);
    for (row, &length) in (0..).zip(&LENGTHS) {
        let one = |tensor: &Tensor| tensor.narrow(0, row, 1).copy();
        let alone = Scene {
            shape: scene.shape,
            lengths: vec![length],
            projected: one(&scene.projected),
            keys: scene.keys.copy(),
            values: scene.values.copy(),
            rows: integers(&[0, length as i32 - 1], cuda.device()).view([1, 2]),
            table: one(&scene.table),
            rope: scene.rope.copy(),
        };
        assert!(same_bits(&alone.run(&cuda, true).get(0), &together.get(row)), "{length} tokens");
    }
}

#[test]
fn rows_that_are_left_out_write_nothing() {
    let Some(cuda) = card("rows that are left out") else { return };
    let mut scene = Scene::new(SHAPES[0], &[40, 70], cuda.device());
    scene.rows = integers(&[-1, 39, 1, 69], cuda.device()).view([2, 2]);
    let output = scene.run(&cuda, true);
    assert!(bool::try_from(output.get(0).isnan().all()).unwrap());
    assert!(relative_error(&output.get(1), &scene.twin(1)) < 1e-2);
}
