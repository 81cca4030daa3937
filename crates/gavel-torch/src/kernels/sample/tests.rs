//! The kernels beside their twins of plain tensor operations.

use super::super::testing::{card, compiles, integers};
use super::*;
use tch::Device;

#[test]
fn kernels_compile_for_vocabularies_of_every_kind() {
    for vocabulary in [18, 50_257, 151_936] {
        compiles(source(&constants(vocabulary)));
    }
}

#[test]
fn random_numbers_are_those_of_the_paper() {
    // The known answers of Random123: counters and keys of zeros.
    assert_eq!(uniform(0, 0, 0), (f64::from(0x6627_e8d5_u32 >> 8) + 0.5) / f64::from(1 << 24));
    let numbers: Vec<f64> = (0..4000).map(|position| uniform(3, 5, position)).collect();
    let mean = numbers.iter().sum::<f64>() / 4000.0;
    assert!((mean - 0.5).abs() < 0.02, "{mean}");
    assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
    for (seed, stream, position) in
        [(4, 5, 0), (3, 6, 0), (3, 5, 1), (3 + (1 << 32), 5, 0), (3, 5 + (1 << 32), 0)]
    {
        assert_ne!(uniform(seed, stream, position), uniform(3, 5, 0));
    }
}

/// Slots and logits to draw from.
struct Scene {
    vocabulary: i64,
    logits: Tensor,
    slots: Vec<SlotSampling>,
    /// The position of the token before, for each slot.
    before: Vec<i32>,
}

/// What was drawn, for each slot.
struct Outcome {
    tokens: Vec<i64>,
    log_probs: Vec<f64>,
    positions: Vec<i32>,
    done: Vec<i32>,
}

impl Scene {
    fn new(vocabulary: i64, slots: Vec<SlotSampling>, spread: f64, device: Device) -> Self {
        let size = [slots.len() as i64, row_of_logits(vocabulary)];
        let logits = (Tensor::randn(size, (Kind::Float, device)) * spread).to_kind(Kind::BFloat16);
        let before = slots.iter().map(|slot| slot.prompt - 1).collect();
        Self { vocabulary, logits, slots, before }
    }

    fn draw(&self, cuda: &Cuda, cuts: bool) -> Outcome {
        let (device, count) = (cuda.device(), self.slots.len());
        let kernels = SampleKernels::new(cuda, self.vocabulary, count as i64).unwrap();
        let places = (0..).zip(&self.before).flat_map(|(slot, &position)| [slot, position]);
        let words: Vec<i32> = self.slots.iter().flat_map(SlotSampling::words).collect();
        let none = || Tensor::full([count as i64], -7, (Kind::Int, device));
        let (tokens, positions, done) = (none(), none(), none());
        let drawn = Tensor::full([count as i64, RING as i64], -7, (Kind::Int, device));
        let log_probs = Tensor::full([count as i64, RING as i64], f64::NAN, (Kind::Float, device));
        let rows = integers(&places.collect::<Vec<_>>(), device).view([-1, 2]);
        let slots = integers(&words, device);
        let draw = Draw {
            logits: &self.logits,
            rows: &rows,
            slots: &slots,
            tokens: &tokens,
            positions: &positions,
            done: &done,
            drawn: &drawn,
            log_probs: &log_probs,
        };
        // Twice: the second run finds the counters as the first one left them.
        for _ in 0..2 {
            kernels.draw(count as i64, draw, cuts, cuda.current_stream());
        }
        let ints = |tensor: &Tensor| Vec::<i32>::try_from(tensor.view([-1])).unwrap();
        let at = |slot: usize| {
            let index = (self.before[slot] + 1 - self.slots[slot].prompt) as usize % RING;
            [slot as i64, index as i64]
        };
        let tokens: Vec<i64> = ints(&tokens).into_iter().map(i64::from).collect();
        assert!((0..count).all(|slot| drawn.int64_value(&at(slot)) == tokens[slot]));
        let log_probs = (0..count).map(|slot| log_probs.double_value(&at(slot))).collect();
        Outcome { tokens, log_probs, positions: ints(&positions), done: ints(&done) }
    }

    /// The probabilities `(vocabulary)` of a slot before cuts.
    fn probabilities(&self, slot: usize) -> Tensor {
        let logits = self.logits.get(slot as i64).narrow(0, 0, self.vocabulary).to_kind(Kind::Double);
        let inverse = self.slots[slot].inverse_temperature;
        (logits * f64::from(if inverse == 0.0 { 1.0 } else { inverse })).softmax(0, Kind::Double)
    }

    /// The least probability that the cuts of a slot leave.
    fn least(&self, slot: usize) -> f64 {
        let SlotSampling { top_k, top_p, log_min_p, .. } = self.slots[slot];
        let (sorted, _) = self.probabilities(slot).sort(0, true);
        let kept = if top_k > 0 { i64::from(top_k).min(self.vocabulary) } else { self.vocabulary };
        let of_top_k = sorted.double_value(&[kept - 1]);
        // As likely as the last of them are more, perhaps.
        let kept = sorted.ge(of_top_k).sum(Kind::Int64).int64_value(&[]);
        let sorted = sorted.narrow(0, 0, kept);
        let goal = sorted.sum(Kind::Double) * f64::from(top_p);
        let before = sorted.cumsum(0, Kind::Double) - &sorted;
        let needed = before.lt_tensor(&goal).sum(Kind::Int64).int64_value(&[]).max(1);
        let of_top_p = sorted.double_value(&[needed - 1]);
        of_top_p.max(sorted.double_value(&[0]) * f64::from(log_min_p).exp())
    }

    /// Whether the twin draws the same, but for rounding.
    fn check(&self, outcome: &Outcome) {
        for slot in 0..self.slots.len() {
            let (token, sampling) = (outcome.tokens[slot], &self.slots[slot]);
            let probabilities = self.probabilities(slot);
            let log_prob = probabilities.double_value(&[token]).ln();
            assert!((outcome.log_probs[slot] - log_prob).abs() < 2e-4, "{sampling:?}: {log_prob}");
            if sampling.inverse_temperature == 0.0 {
                assert_eq!(probabilities.double_value(&[token]), probabilities.max().double_value(&[]));
                continue;
            }
            let least = self.least(slot) * (1.0 - 1e-9);
            let kept = probabilities.where_scalarother(&probabilities.ge(least), 0.0);
            assert!(kept.double_value(&[token]) > 0.0, "{sampling:?} draws {token}, which is cut");
            let upto = kept.cumsum(0, Kind::Double) / kept.sum(Kind::Double);
            let join = |halves: [u32; 2]| u64::from(halves[0]) | u64::from(halves[1]) << 32;
            let index = (self.before[slot] + 1 - sampling.prompt) as u32;
            let number = uniform(join(sampling.seed), join(sampling.stream), index);
            let above = upto.double_value(&[token]);
            let below = if token == 0 { 0.0 } else { upto.double_value(&[token - 1]) };
            assert!(
                below - 1e-5 <= number && number <= above + 1e-5,
                "{sampling:?}: {below} {number} {above}"
            );
        }
    }
}

fn all(stream: u32) -> SlotSampling {
    SlotSampling {
        prompt: 5,
        limit: 100,
        seed: [11, 2],
        stream: [stream, 0],
        inverse_temperature: 1.0,
        top_k: 0,
        top_p: 1.0,
        log_min_p: f32::NEG_INFINITY,
        ends: [-1; ENDS],
    }
}

#[test]
fn tokens_are_those_of_tensors() {
    let Some(cuda) = card("drawing tokens") else { return };
    for (vocabulary, spread) in [(18, 1.0), (50_257, 3.0), (151_936, 0.6), (151_936, 6.0)] {
        let temperature = |stream| [1.0, 0.0, 2.5][stream as usize % 3];
        let slots =
            (0..96).map(|stream| SlotSampling { inverse_temperature: temperature(stream), ..all(stream) });
        let scene = Scene::new(vocabulary, slots.collect(), spread, cuda.device());
        scene.check(&scene.draw(&cuda, false));
    }
}

#[test]
fn cuts_are_those_of_tensors() {
    let Some(cuda) = card("cuts") else { return };
    for (vocabulary, spread) in [(18, 1.0), (50_257, 3.0), (151_936, 2.0)] {
        let of = |stream: u32| {
            let cut = all(stream);
            match stream % 7 {
                0 => SlotSampling { top_k: 1, ..cut },
                1 => SlotSampling { top_k: 50, ..cut },
                2 => SlotSampling { top_p: 0.9, ..cut },
                3 => SlotSampling { top_p: 1e-6, ..cut },
                4 => SlotSampling { log_min_p: (0.1_f32).ln(), inverse_temperature: 0.7, ..cut },
                5 => SlotSampling { top_k: 20, top_p: 0.5, log_min_p: (0.02_f32).ln(), ..cut },
                _ => cut,
            }
        };
        let scene = Scene::new(vocabulary, (0..84).map(of).collect(), spread, cuda.device());
        scene.check(&scene.draw(&cuda, true));
    }
}

#[test]
fn sequences_end_with_end_tokens_and_at_their_limit() {
    let Some(cuda) = card("ends of sequences") else { return };
    let greedy = SlotSampling { inverse_temperature: 0.0, ..all(0) };
    let mut scene = Scene::new(50, vec![greedy; 4], 1.0, cuda.device());
    let likely = scene.draw(&cuda, false).tokens;
    scene.slots[1].ends[ENDS - 1] = likely[1] as i32;
    scene.slots[2].limit = 1;
    // The fortieth token of a limit of forty.
    (scene.slots[3].limit, scene.before[3]) = (40, 5 + 38);
    let outcome = scene.draw(&cuda, false);
    assert_eq!(outcome.tokens, likely);
    assert_eq!(outcome.done, [0, 1, 1, 1]);
    assert_eq!(outcome.positions, [5, 5, 5, 44]);
}

#[test]
fn logits_that_are_not_numbers_are_seen_in_the_log_probability() {
    let Some(cuda) = card("logits that are not numbers") else { return };
    let scene = Scene::new(20_000, vec![all(0); 4], 1.0, cuda.device());
    for (row, place, value) in [(0, 3, f64::NAN), (1, 19_000, f64::NAN), (2, 9_000, f64::INFINITY)] {
        let _ = scene.logits.get(row).narrow(0, place, 1).fill_(value);
    }
    for cuts in [false, true] {
        let numbers: Vec<bool> =
            scene.draw(&cuda, cuts).log_probs.iter().map(|number| !number.is_nan()).collect();
        assert_eq!(numbers, [false, false, false, true]);
    }
}
