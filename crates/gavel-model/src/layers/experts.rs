//! A mixture of experts ([1701.06538](https://arxiv.org/abs/1701.06538)): every token goes through the few feed-forward layers
//! that its router gives the highest probabilities, and what they give is added up, weighted by these.

use gavel_torch::{Parameter, differentiable, fused, only};
use tch::{Kind, Tensor, no_grad};

use crate::{Config, SigmoidRouting};

/// How tokens find their experts.
#[derive(Debug)]
pub(crate) struct Routing<'a> {
    experts: i64,
    per_token: i64,
    /// Whether the weights of a token's experts add up to 1.
    normalised: bool,
    /// By sigmoids, and otherwise by a softmax.
    sigmoid: Option<SigmoidRouting>,
    /// `(experts)`, added to sigmoids where experts are chosen.
    bias: Option<&'a Tensor>,
}

impl<'a> Routing<'a> {
    pub(crate) fn of(config: &Config, bias: Option<&'a Tensor>) -> Self {
        Self {
            experts: config.num_experts,
            per_token: config.num_experts_per_tok,
            normalised: config.norm_topk_prob,
            sigmoid: config.sigmoid_routing,
            bias,
        }
    }

    /// In which format the router's logits are computed, where tokens are of `kind`: as they are, or, for sigmoids, whose
    /// differences decide, in fp32.
    pub(crate) fn kind_of_logits(&self, kind: Kind) -> Kind {
        if self.sigmoid.is_some() { wide(kind) } else { kind }
    }

    /// For the router's `logits` `(N, experts)`, the weights of each token's experts `(N, per_token)`, in fp32, and where
    /// the tokens go.
    fn route(&self, logits: &Tensor) -> (Tensor, Order) {
        let kind = wide(logits.kind());
        let (weights, chosen) = match self.sigmoid {
            None => logits.softmax(-1, kind).topk(self.per_token, -1, true, true),
            Some(routing) => {
                let scores = logits.to_kind(kind).sigmoid();
                let chosen = no_grad(|| self.choose(&scores, routing));
                (scores.gather(1, &chosen, false), chosen)
            }
        };
        let weights = if self.normalised {
            let sums = weights.sum_dim_intlist([-1i64].as_slice(), true, kind);
            // As in transformers, where sigmoids may all be 0.
            weights / if self.sigmoid.is_some() { sums + 1e-20 } else { sums }
        } else {
            weights
        };
        let factor = self.sigmoid.map_or(1.0, |routing| routing.routed_scaling_factor);
        let weights = if factor == 1.0 { weights } else { weights * factor };
        (weights, Order::new(&chosen, self.experts))
    }

    /// The experts `(N, per_token)` of each token by its `scores` `(N, experts)`: the best ones by corrected scores, within the
    /// groups whose two best are together the best.
    fn choose(&self, scores: &Tensor, SigmoidRouting { n_group, topk_group, .. }: SigmoidRouting) -> Tensor {
        let scores = match self.bias {
            Some(bias) => scores + bias,
            None => scores.shallow_clone(),
        };
        let groups = scores.view([-1, n_group, self.experts / n_group]);
        let of_groups = groups.topk(2, -1, true, false).0.sum_dim_intlist([-1i64].as_slice(), false, None);
        let best = of_groups.topk(topk_group, -1, true, false).1;
        let outside = of_groups.ones_like().scatter_value(1, &best, 0.0).to_kind(Kind::Bool);
        let within = groups.masked_fill(&outside.unsqueeze(-1), f64::NEG_INFINITY).flatten(1, 2);
        within.topk(self.per_token, -1, true, false).1
    }
}

/// Double as it is, and fp32 for the others.
fn wide(kind: Kind) -> Kind {
    if kind == Kind::Double { Kind::Double } else { Kind::Float }
}

/// Which tokens go to which expert. A pair is a token with one of its experts, and the pairs are sorted by expert.
#[derive(Debug)]
struct Order {
    /// `(pairs)` i64: which pair, counted token by token, is in each place.
    pairs: Tensor,
    /// `(pairs)` i64: the place of each pair.
    places: Tensor,
    per_token: i64,
    /// For each expert that has any, which it is, its first place, and how many.
    segments: Vec<[i64; 3]>,
    /// How many each expert has.
    counts: Vec<i64>,
}

impl Order {
    /// For the experts `(N, per_token)` of each token.
    fn new(chosen: &Tensor, experts: i64) -> Self {
        let (of_pairs, per_token) = (chosen.flatten(0, -1), chosen.size()[1]);
        let (_, pairs) = of_pairs.sort_stable(true, 0, false);
        let counts: Vec<i64> =
            Vec::try_from(of_pairs.bincount(None::<Tensor>, experts)).expect("a list of counts");
        let mut first = 0;
        let mut segments = Vec::new();
        for (expert, &count) in (0..).zip(&counts).filter(|&(_, &count)| count > 0) {
            segments.push([expert, first, count]);
            first += count;
        }
        let places = pairs.argsort(0, false);
        Self { pairs, places, per_token, segments, counts }
    }

    /// The rows of tokens in the places of their pairs: `(N, width)` gives `(pairs, width)`.
    fn spread(&self, rows: &Tensor) -> Tensor {
        rows.index_select(0, &self.pairs.divide_scalar_mode(self.per_token, "floor"))
    }

    /// The rows of places, token by token: `(pairs, width)` gives `(N, per_token, width)`.
    fn gather(&self, rows: &Tensor) -> Tensor {
        rows.index_select(0, &self.places).view([-1, self.per_token, rows.size()[1]])
    }
}

/// The matrix of one expert, of as many as there are, one under the other.
fn of_expert(all: &Tensor, expert: i64, experts: i64) -> Tensor {
    let rows = all.size()[0] / experts;
    all.narrow(0, expert * rows, rows)
}

/// What a token's experts give `(N, per_token, width)`, weighted and added up.
fn weighted(given: &Tensor, weights: &Tensor) -> Tensor {
    let product = given.to_kind(weights.kind()) * weights.unsqueeze(-1);
    product.sum_dim_intlist([1i64].as_slice(), false, weights.kind()).to_kind(given.kind())
}

/// For `input` `(N, hidden_size)` and the router's `logits` `(N, experts)`, by torch's operations alone; `gate_up` is gate over
/// up, expert by expert, and so is `down`.
pub(crate) fn plain_experts(
    input: &Tensor,
    logits: &Tensor,
    [gate_up, down]: [&Tensor; 2],
    routing: &Routing<'_>,
) -> Tensor {
    let (weights, order) = routing.route(logits);
    let rows = order.spread(input);
    let given = order.segments.iter().map(|&[expert, first, count]| {
        let of = |all: &Tensor| of_expert(all, expert, routing.experts);
        let parts = rows.narrow(0, first, count).linear(&of(gate_up), None::<&Tensor>).chunk(2, 1);
        (parts[0].silu() * &parts[1]).linear(&of(down), None::<&Tensor>)
    });
    weighted(&order.gather(&Tensor::cat(&given.collect::<Vec<_>>(), 0)), &weights)
}

/// The same, with gradients that are added up where those of the parameters lie, and without keeping products. `count` gets how
/// many tokens each expert has.
pub(crate) fn experts(
    input: &Tensor,
    logits: &Tensor,
    [gate_up, down]: [Parameter<'_>; 2],
    routing: &Routing<'_>,
    count: &mut dyn FnMut(&[i64]),
) -> Tensor {
    let (weights, order) = routing.route(logits);
    count(&order.counts);
    let experts = routing.experts;
    let rows = no_grad(|| order.spread(input));
    let (gates, given): (Vec<_>, Vec<_>) = no_grad(|| {
        let of_segments = order.segments.iter().map(|&[expert, first, count]| {
            let of = |all: &Tensor| of_expert(all, expert, experts);
            let gate = rows.narrow(0, first, count).linear(&of(gate_up.value), None::<&Tensor>);
            let given = fused::swiglu(&gate).linear(&of(down.value), None::<&Tensor>);
            (gate, given)
        });
        of_segments.unzip()
    });
    let given = no_grad(|| order.gather(&Tensor::cat(&given, 0)));
    let inputs = [input, gate_up.master, down.master];
    let masters = [gate_up, down].map(|parameter| parameter.master.shallow_clone());
    let [gate_up, down] = [gate_up, down].map(|parameter| parameter.value.detach());
    let given = only(differentiable(&inputs, &[&given], move |gradients| {
        let Some(by_given) = &gradients[0] else { return vec![None, None, None] };
        let by_given = by_given.flatten(0, 1).index_select(0, &order.pairs);
        let mut sums = masters.each_ref().map(GradientSum::of);
        let mut by_rows = Vec::new();
        for (&[expert, first, count], gate) in order.segments.iter().zip(gates) {
            let of = |all: &Tensor| of_expert(all, expert, experts);
            let by_given = by_given.narrow(0, first, count);
            let (by_gate, product) = fused::swiglu_backward(gate, by_given.matmul(&of(&down)));
            sums[0].add([expert, experts], &by_gate, &rows.narrow(0, first, count));
            sums[1].add([expert, experts], &by_given, &product);
            by_rows.push(by_gate.matmul(&of(&gate_up)));
        }
        let by_input = order.gather(&Tensor::cat(&by_rows, 0));
        let by_input = by_input.sum_dim_intlist([1i64].as_slice(), false, by_input.kind());
        let [gate_up, down] = sums.map(GradientSum::first);
        vec![Some(by_input), gate_up, down]
    }));
    weighted(&given, &weights)
}

/// The gradient of a master, which grows where it lies.
struct GradientSum {
    /// `None` where the master requires none.
    sum: Option<Tensor>,
    /// Whether there was none yet, so that autograd has to be given this one.
    is_first: bool,
}

impl GradientSum {
    fn of(master: &Tensor) -> Self {
        let sum = master.grad();
        let is_first = !sum.defined();
        let sum = master.requires_grad().then(|| if is_first { master.zeros_like() } else { sum });
        Self { sum, is_first }
    }

    /// Adds `by_outputᵀ · input` to the part of one expert.
    fn add(&mut self, [expert, experts]: [i64; 2], by_output: &Tensor, input: &Tensor) {
        if let Some(sum) = &self.sum {
            let mut part = of_expert(sum, expert, experts);
            part += by_output.tr().to_kind(sum.kind()).matmul(&input.to_kind(sum.kind()));
        }
    }

    fn first(self) -> Option<Tensor> {
        self.sum.filter(|_| self.is_first)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn output_and_gradients_are_those_of_every_expert_for_every_token() {
        let random =
            |shape: &[i64]| Tensor::randn(shape, (Kind::Double, Device::Cpu)).set_requires_grad(true);
        for normalised in [false, true] {
            let routing = Routing { experts: 5, per_token: 2, normalised, sigmoid: None, bias: None };
            let leaves = [random(&[7, 4]), random(&[7, 5]), random(&[5 * 6, 4]), random(&[5 * 4, 3])];
            let [input, logits, gate_up, down] = &leaves;
            let by_output = Tensor::randn([7, 4], (Kind::Double, Device::Cpu));
            // Every expert for every token, and a weight of 0 for those that it does not go to.
            let probabilities = logits.softmax(-1, Kind::Double);
            let least = probabilities.topk(2, -1, true, true).0.narrow(1, 1, 1);
            let weights = &probabilities * probabilities.ge_tensor(&least);
            let weights = if normalised {
                &weights / weights.sum_dim_intlist([1i64].as_slice(), true, None)
            } else {
                weights
            };
            let gates = input.matmul(&gate_up.view([5, 6, 4]).transpose(1, 2));
            let product = gates.narrow(2, 0, 3).silu() * gates.narrow(2, 3, 3);
            let given = product.matmul(&down.view([5, 4, 3]).transpose(1, 2));
            let expected =
                (given * weights.tr().unsqueeze(-1)).sum_dim_intlist([0i64].as_slice(), false, None);

            let parameter = |master| Parameter::new(master, master);
            let mut counts = Vec::new();
            let matrices = [parameter(gate_up), parameter(down)];
            let found = experts(input, logits, matrices, &routing, &mut |found| counts = found.to_vec());
            assert_eq!(counts.iter().sum::<i64>(), 7 * 2);
            let plain = plain_experts(input, logits, [gate_up, down], &routing);
            let gradients = |output: &Tensor| {
                for leaf in &leaves {
                    leaf.grad().defined().then(|| leaf.grad().zero_());
                }
                (output * &by_output).sum(Kind::Double).backward();
                leaves.each_ref().map(|leaf| leaf.grad().copy())
            };
            let of_expected = gradients(&expected);
            for (output, name) in [(found, "by hand"), (plain, "plain")] {
                assert!(output.allclose(&expected, 1e-12, 1e-12, false), "{name}");
                for (found, expected) in gradients(&output).iter().zip(&of_expected) {
                    assert!(found.allclose(expected, 1e-10, 1e-10, false), "{name}");
                }
            }
        }
    }

    /// By hand: four groups of two, of which two are chosen, and of these two experts.
    #[test]
    fn sigmoids_choose_within_the_best_groups_by_corrected_scores_and_weigh_by_their_own() {
        let scores = [0.9, 0.1, 0.6, 0.5, 0.55, 0.52, 0.2, 0.3_f64];
        let logits = Tensor::from_slice(&scores.map(|score| (score / (1.0 - score)).ln())).unsqueeze(0);
        let routed = |bias: Option<&Tensor>, normalised| {
            let grouped = SigmoidRouting { n_group: 4, topk_group: 2, routed_scaling_factor: 2.0 };
            let routing = Routing { experts: 8, per_token: 2, normalised, sigmoid: Some(grouped), bias };
            let (weights, order) = routing.route(&logits);
            let chosen: Vec<i64> = (0..8).filter(|&expert| order.counts[expert as usize] == 1).collect();
            let mut weights = Vec::<f64>::try_from(weights.squeeze()).unwrap();
            weights.sort_by(f64::total_cmp);
            (chosen, weights.iter().map(|weight| (weight * 1e6).round() / 1e6).collect::<Vec<_>>())
        };
        // The groups are worth 1.0, 1.1, 1.07 and 0.5, so the best expert of all is not among those chosen.
        assert_eq!(routed(None, false), (vec![2, 4], vec![1.1, 1.2]));
        assert_eq!(routed(None, true).1, [0.956_522, 1.043_478]);
        // The correction brings its group in, and not its weight.
        let bias = Tensor::from_slice(&[0.0_f32, 0.51, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(routed(Some(&bias), false), (vec![0, 1], vec![0.2, 1.8]), "0.61 is above 0.6");
    }
}
