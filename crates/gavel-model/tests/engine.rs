//! What an engine promises: a completion depends on its prompt, its sampling and its stream, and on nothing else.
#![expect(clippy::print_stdout, reason = "a test says what it skipped, and what it measured")]

use std::rc::Rc;

use gavel_model::{
    Architecture, Completion, Config, Engine, Error, Group, Model, NeverStop, Precision, Request, Room,
    Sampling, Stop,
};
use gavel_torch::{DeviceChoice, select_device};
use tch::{Device, Kind, Tensor, no_grad};

fn config() -> Config {
    Config {
        vocab_size: 18,
        hidden_size: 32,
        intermediate_size: 48,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 8,
        initializer_range: 0.4,
        ..Config::default()
    }
}

fn model() -> Model {
    Model::random(config(), 3, Device::Cpu, Precision::FULL)
}

/// Five prompts of different lengths, `each` times, one after the other.
fn prompts(each: usize) -> Vec<Rc<[i64]>> {
    let prompts = [vec![2, 3, 4], vec![5], vec![6, 7, 8, 9, 10, 11, 12], vec![2, 3], vec![13, 14]];
    prompts.iter().flat_map(|prompt| std::iter::repeat_n(prompt.as_slice().into(), each)).collect()
}

/// Submits in the given order, and gives completions in the order of the prompts.
fn run(
    engine: &mut Engine,
    prompts: &[Rc<[i64]>],
    order: impl IntoIterator<Item = usize>,
    sampling: &dyn Fn(usize) -> Rc<Sampling>,
) -> Vec<Completion> {
    for id in order {
        let request =
            Request { id, prompt: Rc::clone(&prompts[id]), sampling: sampling(id), stream: id as u64 };
        engine.submit(request).unwrap();
    }
    drain(engine, prompts.len(), &NeverStop)
}

fn drain(engine: &mut Engine, count: usize, stop: &dyn Stop) -> Vec<Completion> {
    let mut completions = vec![None; count];
    while engine.step(stop).unwrap() > 0 {
        for finished in engine.finished() {
            assert!(completions[finished.id].replace(finished.completion).is_none());
        }
    }
    for finished in engine.finished() {
        assert!(completions[finished.id].replace(finished.completion).is_none());
    }
    completions.into_iter().map(|completion| completion.expect("every sequence ends")).collect()
}

fn ending() -> Rc<Sampling> {
    Rc::new(Sampling { max_new_tokens: 24, seed: 7, end_tokens: vec![4, 9], ..Sampling::default() })
}

fn tokens(completions: &[Completion]) -> Vec<&[i64]> {
    completions.iter().map(|completion| completion.tokens.as_slice()).collect()
}

#[test]
fn completions_do_not_depend_on_slots_or_order() {
    let (model, prompts) = (model(), prompts(8));
    let all = || 0..prompts.len();
    let with_slots = |slots| Engine::new(&model, Room { slots, tokens: 40 });
    let together = run(&mut with_slots(prompts.len()), &prompts, all(), &|_| ending());
    let lengths: Vec<usize> = together.iter().map(|completion| completion.tokens.len()).collect();
    assert!(lengths.contains(&24) && lengths.iter().any(|&length| length < 6), "{lengths:?}");
    for slots in [1, 3, 16] {
        let refilled = run(&mut with_slots(slots), &prompts, all(), &|_| ending());
        assert_eq!(tokens(&refilled), tokens(&together), "{slots} slots");
        let backwards = run(&mut with_slots(slots), &prompts, all().rev(), &|_| ending());
        assert_eq!(tokens(&backwards), tokens(&together), "{slots} slots, last first");
        for (one, other) in refilled.iter().zip(&together) {
            assert_eq!(one.finish, other.finish);
            assert!(
                one.log_probs.iter().zip(&other.log_probs).all(|(one, other)| (one - other).abs() < 1e-4)
            );
        }
    }
}

#[test]
fn sequences_are_sampled_each_in_its_own_way() {
    let (model, prompts) = (model(), prompts(4));
    let ways = [
        Sampling { max_new_tokens: 9, temperature: 0.0, ..Sampling::default() },
        Sampling { max_new_tokens: 15, temperature: 1.4, top_k: 4, seed: 2, ..Sampling::default() },
        Sampling { max_new_tokens: 1, min_p: 0.2, seed: 5, ..Sampling::default() },
    ]
    .map(Rc::new);
    let of = |id: usize| Rc::clone(&ways[id % 3]);
    let mut engine = Engine::new(&model, Room { slots: 6, tokens: 30 });
    let mixed = run(&mut engine, &prompts, 0..prompts.len(), &of);
    for (id, completion) in mixed.iter().enumerate() {
        let sampling = Sampling { first_stream: id as u64, ..(*ways[id % 3]).clone() };
        let alone = model.generate(&[&prompts[id]], &sampling, &NeverStop, |_, _| {}).unwrap();
        assert_eq!(completion.tokens, alone[0].tokens, "{id}");
    }
}

#[test]
fn a_sequence_can_be_submitted_while_others_run() {
    let (model, prompts) = (model(), prompts(2));
    let mut engine = Engine::new(&model, Room { slots: 4, tokens: 40 });
    let expected = run(&mut engine, &prompts, 0..prompts.len(), &|_| ending());
    let mut completions = vec![None; prompts.len()];
    for (id, prompt) in prompts.iter().enumerate() {
        let request = Request { id, prompt: Rc::clone(prompt), sampling: ending(), stream: id as u64 };
        engine.submit(request).unwrap();
        engine.step(&NeverStop).unwrap();
        engine.finished().for_each(|finished| completions[finished.id] = Some(finished.completion));
    }
    while engine.step(&NeverStop).unwrap() > 0 {}
    engine.finished().for_each(|finished| completions[finished.id] = Some(finished.completion));
    let completions: Vec<Completion> = completions.into_iter().flatten().collect();
    assert_eq!(tokens(&completions), tokens(&expected));
}

#[test]
fn what_is_given_up_leaves_nothing_behind() {
    let (model, prompts) = (model(), prompts(3));
    let mut engine = Engine::new(&model, Room { slots: 4, tokens: 40 });
    let expected = run(&mut engine, &prompts, 0..prompts.len(), &|_| ending());
    for (id, prompt) in prompts.iter().enumerate() {
        let sampling = Rc::new(Sampling { max_new_tokens: 30, ..Sampling::default() });
        engine.submit(Request { id, prompt: Rc::clone(prompt), sampling, stream: 99 }).unwrap();
    }
    engine.step(&NeverStop).unwrap();
    engine.step(&NeverStop).unwrap();
    engine.clear();
    assert_eq!(engine.step(&NeverStop).unwrap(), 0);
    assert_eq!(tokens(&run(&mut engine, &prompts, 0..prompts.len(), &|_| ending())), tokens(&expected));
}

#[test]
fn new_weights_are_sampled_from_once_they_are_loaded() {
    let (model, prompts) = (model(), prompts(2));
    let room = Room { slots: 8, tokens: 40 };
    let mut engine = Engine::new(&model, room);
    let before = run(&mut engine, &prompts, 0..prompts.len(), &|_| ending());
    for (_, mut parameter) in model.parameters() {
        no_grad(|| parameter.copy_(&(&parameter * 0.7)));
    }
    model.refresh();
    engine.load_weights(&model);
    let after = run(&mut engine, &prompts, 0..prompts.len(), &|_| ending());
    assert_ne!(tokens(&after), tokens(&before));
    let fresh = run(&mut Engine::new(&model, room), &prompts, 0..prompts.len(), &|_| ending());
    assert_eq!(tokens(&after), tokens(&fresh));
}

#[test]
fn what_there_is_no_room_for_is_refused() {
    let model = model();
    let mut engine = Engine::new(&model, Room { slots: 2, tokens: 26 });
    let request = |length| Request { id: 3, prompt: vec![5; length].into(), sampling: ending(), stream: 0 };
    engine.submit(request(2)).unwrap();
    let error = engine.submit(request(3)).unwrap_err();
    assert!(matches!(&error, Error::Request { field: "prompts", .. }), "{error}");
    assert!(error.to_string().contains("27 tokens long at 3, and there is room for 26"), "{error}");
}

/// A small model in bf16 on the card.
fn on_card(what: &str, architecture: Architecture, head_dim: i64) -> Option<Model> {
    model_on_card(what, Config { architecture, head_dim, ..Config::default() })
}

/// Likewise, with what `config` says besides sizes.
fn model_on_card(what: &str, config: Config) -> Option<Model> {
    let device = select_device(DeviceChoice::Auto).ok().filter(|device| device.is_cuda());
    let Some(device) = device else {
        println!("skipped: {what}: there is no CUDA device here");
        return None;
    };
    let config = Config {
        vocab_size: 9001,
        hidden_size: 256,
        intermediate_size: 512,
        num_hidden_layers: 3,
        num_attention_heads: 14,
        num_key_value_heads: 2,
        initializer_range: 0.1,
        ..config
    };
    let model = Model::random(config, 5, device, Precision::MIXED);
    for (name, mut parameter) in model.parameters() {
        if name.ends_with("bias") || name.ends_with("_norm.weight") {
            no_grad(|| parameter.copy_(&(&parameter + Tensor::randn_like(&parameter) * 0.3)));
        }
    }
    model.refresh();
    Some(model)
}

/// Groups of eight with prompts of lengths around pages' ends.
fn groups(count: usize) -> Vec<Rc<[i64]>> {
    let prompt = |group: usize| -> Rc<[i64]> {
        let length = [1, 63, 64, 65, 100, 128, 130, 200][group % 8] + group / 8;
        (0..length).map(|position| ((position * 31 + group * 17) % 9001) as i64).collect()
    };
    (0..count).map(|id| prompt(id / 8)).collect()
}

#[test]
fn on_a_card_completions_are_the_same_bit_for_bit() {
    let families = [(Architecture::Qwen2, 32), (Architecture::Qwen2, 64), (Architecture::Qwen3, 128)];
    for (architecture, head_dim) in families {
        let Some(model) = on_card("sampling on a card", architecture, head_dim) else { return };
        let prompts = groups(256);
        let sampling = Rc::new(Sampling {
            max_new_tokens: 100,
            temperature: 0.9,
            seed: 3,
            end_tokens: (0..90).collect(),
            ..Sampling::default()
        });
        let same = |_: usize| Rc::clone(&sampling);
        let with_slots = |slots| Engine::new(&model, Room { slots, tokens: 400 });
        let together = run(&mut with_slots(256), &prompts, 0..256, &same);
        for slots in [128, 20] {
            let mut engine = with_slots(slots);
            assert_eq!(run(&mut engine, &prompts, 0..256, &same), together, "{slots} slots");
            assert_eq!(run(&mut engine, &prompts, (0..256).rev(), &same), together, "last first");
        }
        let short = together.iter().filter(|completion| completion.tokens.len() < 100).count();
        assert!((50..256).contains(&short), "{short} ended before their limit");
    }
}

#[test]
fn on_a_card_log_probs_are_those_of_scoring() {
    for architecture in [Architecture::Qwen2, Architecture::Qwen3] {
        let Some(model) = on_card("log-probabilities on a card", architecture, 64) else { return };
        log_probs_are_those_of_scoring(&model);
    }
}

/// What kernels lack is sampled and learnt from by libtorch's operators.
#[test]
fn on_a_card_families_that_kernels_lack_have_the_log_probs_of_scoring() {
    let window = Config {
        head_dim: 64,
        sliding_window: Some(40),
        sliding_layers: vec![true, false, true],
        ..Config::default()
    };
    let configs = [
        Config { architecture: Architecture::Mistral, ..window.clone() },
        Config { architecture: Architecture::Phi3, partial_rotary_factor: 0.5, ..window.clone() },
        Config {
            architecture: Architecture::SmolLm3,
            rope_layers: vec![true, true, false],
            ..window.clone()
        },
        Config { architecture: Architecture::Olmo2, head_dim: 64, ..Config::default() },
        Config {
            architecture: Architecture::Gemma2,
            query_pre_attn_scalar: Some(32.0),
            attn_logit_softcapping: Some(5.0),
            final_logit_softcapping: Some(10.0),
            ..window.clone()
        },
        Config { architecture: Architecture::Gemma3, local_rope_theta: Some(100.0), ..window },
    ];
    for config in configs {
        let Some(model) = model_on_card("families that kernels lack on a card", config) else { return };
        log_probs_are_those_of_scoring(&model);
    }
}

fn log_probs_are_those_of_scoring(model: &Model) {
    let prompts = groups(64);
    let sampling = Rc::new(Sampling { max_new_tokens: 70, temperature: 0.8, seed: 1, ..Sampling::default() });
    let mut engine = Engine::new(model, Room { slots: 48, tokens: 300 });
    let completions = run(&mut engine, &prompts, 0..64, &|_| Rc::clone(&sampling));
    let (mut sum, mut count, mut most) = (0.0, 0.0, 0.0_f64);
    for (prompt, completion) in prompts.iter().zip(&completions) {
        let group = Group { prompt, completions: vec![&completion.tokens] };
        let scored = model.log_probs(&model.pack(&[group]), 0.8).log_probs;
        let sampled = Tensor::from_slice(&completion.log_probs).to_device(model.device());
        let apart = (scored - sampled).abs().to_kind(Kind::Double);
        sum += apart.sum(Kind::Double).double_value(&[]);
        most = most.max(apart.max().double_value(&[]));
        count += completion.tokens.len() as f64;
    }
    println!(
        "log-probabilities of sampling and scoring differ by {:.4} in the mean, {most:.4} at most",
        sum / count
    );
    assert!(sum / count < 0.03 && most < 0.5, "mean {}, most {most}", sum / count);
}

#[test]
fn on_a_card_cuts_limits_and_weights_work_as_elsewhere() {
    let Some(model) = on_card("cuts and new weights on a card", Architecture::Qwen2, 64) else { return };
    let prompts = groups(40);
    let sampling = |id: usize| {
        let limit = [1, 2, 9, 40, 33][id % 5];
        let (top_k, top_p) = if id.is_multiple_of(2) { (5, 1.0) } else { (0, 0.8) };
        Rc::new(Sampling { max_new_tokens: limit, top_k, top_p, seed: 8, ..Sampling::default() })
    };
    let room = Room { slots: 16, tokens: 300 };
    let mut engine = Engine::new(&model, room);
    let before = run(&mut engine, &prompts, 0..40, &sampling);
    assert!((0..40).all(|id| before[id].tokens.len() == [1, 2, 9, 40, 33][id % 5]));
    // A stop condition is the host's, which looks some tokens later: what came after is dropped.
    struct AfterSeven;
    impl Stop for AfterSeven {
        fn is_complete(&self, tokens: &[i64]) -> bool {
            tokens.len() == 7
        }
    }
    for (id, prompt) in prompts.iter().enumerate() {
        let (prompt, sampling) = (Rc::clone(prompt), sampling(id));
        engine.submit(Request { id, prompt, sampling, stream: id as u64 }).unwrap();
    }
    for (stopped, whole) in drain(&mut engine, 40, &AfterSeven).iter().zip(&before) {
        assert_eq!(stopped.tokens, whole.tokens[..whole.tokens.len().min(7)]);
    }
    for (_, mut parameter) in model.parameters() {
        no_grad(|| parameter.copy_(&(&parameter * 0.8)));
    }
    model.refresh();
    engine.load_weights(&model);
    let after = run(&mut engine, &prompts, 0..40, &sampling);
    assert_ne!(after, before);
    assert_eq!(after, run(&mut Engine::new(&model, room), &prompts, 0..40, &sampling));
}
