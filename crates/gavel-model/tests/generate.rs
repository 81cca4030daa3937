//! What sampling promises: the cache changes nothing, nor does padding; seeds reproduce; sequences end where they
//! should and are reported as they do.

use std::collections::{HashMap, HashSet};

use gavel_model::{
    Completion, Config, Error, Finish, Group, Model, NeverStop, Precision, Sampling, Stop, StopStrings,
    Tokenizer,
};
use tch::{Device, Kind, Tensor, no_grad};

const ALPHABET: &str = "abcdefghijklmnop";

/// Wide initial weights, so that distributions are far from uniform and differ from place to place.
fn model() -> Model {
    let config = Config {
        vocab_size: 18,
        hidden_size: 32,
        intermediate_size: 48,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 8,
        initializer_range: 0.4,
        ..Config::default()
    };
    Model::random(config, 3, Device::Cpu, Precision::FULL)
}

fn prompts() -> Vec<Vec<i64>> {
    vec![vec![2, 3, 4], vec![5], vec![6, 7, 8, 9, 10, 11, 12], vec![2, 3, 4], vec![13, 14]]
}

fn generate(model: &Model, prompts: &[Vec<i64>], sampling: &Sampling) -> Vec<Completion> {
    model.generate(prompts, sampling, &NeverStop, |_, _| {}).unwrap()
}

/// The logits `(V)` after `tokens`, from a forward pass over all of them.
fn logits_after(model: &Model, tokens: &[i64]) -> Tensor {
    let logits = no_grad(|| model.forward(&Tensor::from_slice(tokens).unsqueeze(0), None));
    logits.get(0).get(tokens.len() as i64 - 1)
}

#[test]
fn greedy_sampling_is_the_full_forward_pass_token_by_token() {
    let model = model();
    let sampling = Sampling { max_new_tokens: 20, temperature: 0.0, ..Sampling::default() };
    for (prompt, completion) in prompts().iter().zip(generate(&model, &prompts(), &sampling)) {
        let mut text = prompt.clone();
        for (&token, &log_prob) in completion.tokens.iter().zip(&completion.log_probs) {
            let logits = logits_after(&model, &text);
            assert_eq!(token, logits.argmax(0, false).int64_value(&[]));
            let expected = logits.log_softmax(0, Kind::Float).double_value(&[token]);
            assert!((f64::from(log_prob) - expected).abs() < 1e-4);
            text.push(token);
        }
        assert_eq!(completion.tokens.len(), 20);
        assert_eq!(completion.finish, Finish::Length);
    }
}

#[test]
fn sampled_log_probs_are_those_of_scoring() {
    let model = model();
    let sampling =
        Sampling { max_new_tokens: 30, temperature: 0.7, top_p: 0.9, seed: 5, ..Sampling::default() };
    for (prompt, completion) in prompts().iter().zip(generate(&model, &prompts(), &sampling)) {
        let group = Group { prompt, completions: vec![&completion.tokens] };
        let scored = model.log_probs(&model.pack(&[group]), 0.7).log_probs;
        let sampled = Tensor::from_slice(&completion.log_probs);
        assert!((scored - sampled).abs().max().double_value(&[]) < 1e-4);
    }
}

#[test]
fn a_prompt_gives_the_same_alone_and_among_longer_ones() {
    let model = model();
    let sampling = Sampling { max_new_tokens: 20, seed: 11, ..Sampling::default() };
    let alone = generate(&model, &prompts()[..1], &sampling);
    let among = generate(&model, &prompts(), &sampling);
    assert_eq!(alone[0].tokens, among[0].tokens);
}

#[test]
fn seeds_reproduce_and_differ() {
    let model = model();
    let with_seed =
        |seed| generate(&model, &prompts(), &Sampling { max_new_tokens: 30, seed, ..Sampling::default() });
    assert_eq!(with_seed(1), with_seed(1));
    assert_ne!(with_seed(1), with_seed(2));
    // Equal prompts in one batch have streams of their own.
    assert_ne!(with_seed(1)[0].tokens, with_seed(1)[3].tokens);
}

#[test]
fn tokens_come_as_often_as_their_probability_says() {
    let model = model();
    let count = 20_000;
    let sampling = Sampling { max_new_tokens: 1, temperature: 1.3, seed: 9, ..Sampling::default() };
    let mut counts: HashMap<i64, f64> = HashMap::new();
    for completion in generate(&model, &vec![vec![2, 3]; count], &sampling) {
        *counts.entry(completion.tokens[0]).or_default() += 1.0;
    }
    let expected = (logits_after(&model, &[2, 3]) / 1.3).softmax(0, Kind::Double);
    let chi_squared: f64 = (0..18)
        .map(|token| {
            let expected = expected.double_value(&[token]) * count as f64;
            (counts.get(&token).unwrap_or(&0.0) - expected).powi(2) / expected
        })
        .sum();
    // 17 degrees of freedom: larger than 40.8 for one seed in a thousand.
    assert!(chi_squared < 40.8, "{chi_squared}");
}

#[test]
fn top_k_and_top_p_keep_the_most_likely_tokens_only() {
    let model = model();
    let probabilities = logits_after(&model, &[2, 3]).softmax(0, Kind::Double);
    let (sorted, ids) = probabilities.sort(0, true);
    let ids = Vec::<i64>::try_from(ids).unwrap();
    let first = |count: usize| HashSet::from_iter(ids[..count].iter().copied());
    let sampled = |sampling| -> HashSet<i64> {
        let prompts = vec![vec![2, 3]; 4000];
        generate(&model, &prompts, &sampling).iter().map(|completion| completion.tokens[0]).collect()
    };
    let one = Sampling { max_new_tokens: 1, seed: 4, ..Sampling::default() };
    assert_eq!(sampled(Sampling { top_k: 3, ..one.clone() }), first(3));

    // The fewest that reach the sum: with a limit between the sums of two and three, three.
    let sum = |count: i64| sorted.narrow(0, 0, count).sum(Kind::Double).double_value(&[]);
    let between = (sum(2) + sum(3)) / 2.0;
    assert_eq!(sampled(Sampling { top_p: between, ..one.clone() }), first(3));
    assert_eq!(sampled(Sampling { top_p: 1e-9, ..one.clone() }), first(1));

    // Top-k cuts first, so top-p sees what top-k left, summing to 1: half of the larger share of two is one token.
    assert_eq!(sampled(Sampling { top_k: 2, top_p: 0.5 * sum(1) / sum(2), ..one }), first(1));
}

#[test]
fn completions_end_with_the_first_end_token_and_are_reported_once() {
    let model = model();
    let sampling = Sampling { max_new_tokens: 40, seed: 2, ..Sampling::default() };
    let many: Vec<_> = (0..40).flat_map(|_| prompts()).collect();
    let endless = generate(&model, &many, &sampling);
    let ending = Sampling { end_tokens: vec![4, 7], ..sampling };
    let mut reported = HashMap::new();
    let mut order = Vec::new();
    let completions = model
        .generate(&many, &ending, &NeverStop, |index, completion| {
            order.push(completion.tokens.len());
            assert!(reported.insert(index, completion.clone()).is_none(), "{index} was reported twice");
        })
        .unwrap();
    assert!(order.is_sorted(), "shorter completions are reported first");
    assert!(completions.iter().any(|completion| completion.finish == Finish::Stop));
    for (index, (completion, endless)) in completions.iter().zip(&endless).enumerate() {
        assert_eq!(&reported[&index], completion);
        // Where it ends does not change what came before, although sequences leave the batch all the time.
        let end = endless.tokens.iter().position(|token| [4, 7].contains(token));
        assert_eq!(completion.tokens, endless.tokens[..end.map_or(40, |end| end + 1)]);
        assert_eq!(completion.finish, if end.is_some() { Finish::Stop } else { Finish::Length });
    }
}

#[test]
fn completions_end_where_a_stop_string_does() {
    let tokenizer = Tokenizer::characters(ALPHABET, &[]).unwrap();
    let written: Vec<String> =
        ["<pad>", "<eos>"].into_iter().map(String::from).chain(ALPHABET.chars().map(String::from)).collect();
    let text = |tokens: &[i64]| tokens.iter().map(|&id| written[id as usize].as_str()).collect::<String>();
    let model = model();
    let sampling = Sampling { max_new_tokens: 60, seed: 8, ..Sampling::default() };
    let many: Vec<_> = (0..20).flat_map(|_| prompts()).collect();
    let endless = generate(&model, &many, &sampling);

    // Strings over several tokens, which do occur: those in the middle of the first two completions.
    let strings = [text(&endless[0].tokens[10..12]), text(&endless[1].tokens[20..23])];
    let stop = StopStrings::new(&tokenizer, &strings).unwrap();
    let completions = model.generate(&many, &sampling, &stop, |_, _| {}).unwrap();
    let mut finishes = HashSet::new();
    for (completion, endless) in completions.iter().zip(&endless) {
        let holds =
            |count: &usize| strings.iter().any(|string| text(&endless.tokens[..*count]).contains(string));
        let end = (1..=60).find(holds);
        assert_eq!(completion.tokens, endless.tokens[..end.unwrap_or(60)]);
        assert_eq!(completion.finish, if end.is_some() { Finish::Stop } else { Finish::Length });
        finishes.insert(end.is_some());
    }
    assert_eq!(finishes.len(), 2, "some stop and some do not, or this tests little");
}

#[test]
fn stop_strings_may_be_a_token_or_part_of_several() {
    let tokenizer = Tokenizer::characters("abé>", &["<end>"]).unwrap();
    let stop = StopStrings::new(&tokenizer, &["ab", "<end>", "éé"]).unwrap();
    let is_complete = |text: &str| stop.is_complete(&tokenizer.encode(text).unwrap());
    assert!(is_complete("bbab"));
    assert!(is_complete("a<end>"));
    assert!(is_complete("aéé"));
    assert!(!is_complete("b"));
    assert!(!is_complete("aé"));
    assert!(!stop.is_complete(&[]));
    assert!(matches!(StopStrings::new(&tokenizer, &[""]), Err(Error::Request { .. })));
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let model = model();
    let refused = |prompts: &[Vec<i64>], sampling: Sampling| match model.generate(
        prompts,
        &sampling,
        &NeverStop,
        |_, _| {},
    ) {
        Err(Error::Request { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    let fine = Sampling::default;
    assert_eq!(refused(&[vec![]], fine()), "prompts");
    assert_eq!(refused(&[vec![18]], fine()), "prompts");
    assert_eq!(refused(&[], Sampling { max_new_tokens: 0, ..fine() }), "max_new_tokens");
    assert_eq!(refused(&[], Sampling { temperature: f64::NAN, ..fine() }), "temperature");
    assert_eq!(refused(&[], Sampling { top_p: 0.0, ..fine() }), "top_p");
    assert_eq!(refused(&[], Sampling { min_p: 1.5, ..fine() }), "min_p");
    assert!(generate(&model, &[], &fine()).is_empty());
}

#[test]
fn a_request_that_is_split_gives_the_same_completions() {
    let model = model();
    let sampling = Sampling { max_new_tokens: 12, seed: 5, ..Sampling::default() };
    let texts = |completions: Vec<Completion>| -> Vec<Vec<i64>> {
        completions.into_iter().map(|completion| completion.tokens).collect()
    };
    let whole = texts(generate(&model, &prompts(), &sampling));
    let mut split = Vec::new();
    for part in prompts().chunks(2) {
        let sampling = Sampling { first_stream: split.len() as u64, ..sampling.clone() };
        split.extend(texts(generate(&model, part, &sampling)));
    }
    assert_eq!(whole, split);
}

#[test]
fn logits_that_are_not_numbers_are_an_error_that_names_the_tensor() {
    let model = model();
    for (name, mut parameter) in model.parameters() {
        if name == "model.layers.1.mlp.down_proj.weight" {
            let infinite = parameter.ones_like() * f64::INFINITY;
            no_grad(|| parameter.copy_(&infinite));
        }
    }
    for sampling in [
        Sampling::default(),
        Sampling { temperature: 0.0, ..Sampling::default() },
        Sampling { top_k: 3, top_p: 0.9, temperature: 0.5, ..Sampling::default() },
    ] {
        let error = model.generate(&prompts(), &sampling, &NeverStop, |_, _| {}).unwrap_err();
        let Error::NotFinite { tensor, index: 0, position: 0 } = &error else { panic!("{error}") };
        assert_eq!(tensor.as_deref(), Some("model.layers.1.mlp.down_proj.weight"));
        assert!(error.to_string().contains("at token 0 after prompt 0"), "{error}");
    }
}
