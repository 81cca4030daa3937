//! Pre-trains a tiny model on a text that repeats itself until it can continue it.

use std::ops::ControlFlow;

use gavel_demo::pretrain::{self, PretrainError, PretrainOptions, Pretraining};
use gavel_model::{Config, Model, NeverStop, Precision, Sampling, Tokenizer};
use tch::Device;

fn tiny() -> (Model, Tokenizer) {
    let tokenizer = Tokenizer::characters("abc", &[]).unwrap();
    let config = Config {
        vocab_size: tokenizer.vocab_size() as i64,
        hidden_size: 32,
        intermediate_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        num_key_value_heads: 2,
        head_dim: 16,
        eos_token_ids: tokenizer.eos_token_id().into_iter().collect(),
        ..Config::default()
    };
    (Model::random(config, 3, Device::Cpu, Precision::FULL), tokenizer)
}

fn options() -> PretrainOptions {
    PretrainOptions {
        steps: 60,
        batch_size: 8,
        sequence_length: 24,
        learning_rate: 1e-2,
        warmup_steps: 5,
        ..PretrainOptions::default()
    }
}

#[test]
fn a_model_learns_to_continue_what_repeats() {
    let (model, tokenizer) = tiny();
    let mut pretraining = Pretraining::new(model, options());
    let mut losses = Vec::new();
    let last = pretraining
        .run(&tokenizer, &mut repeated("abcabc", 100_000), &mut |report| {
            losses.push(report.loss);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(losses[0] > 1.0 && last.loss < 0.1, "from {} to {}", losses[0], last.loss);
    assert_eq!((losses.len(), last.num_tokens), (60, 60 * 8 * 24));

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("base");
    pretrain::save(pretraining.model(), &tokenizer, &path).unwrap();
    let model = Model::load(&path, Device::Cpu, Precision::FULL).unwrap();
    let tokenizer = Tokenizer::load(&path).unwrap();
    let sampling = Sampling {
        temperature: 0.0,
        max_new_tokens: 20,
        end_tokens: tokenizer.eos_token_id().into_iter().collect(),
        ..Sampling::default()
    };
    let prompt = [tokenizer.encode("ab").unwrap()];
    let completions = model.generate(&prompt, &sampling, &NeverStop, |_, _| {}).unwrap();
    assert_eq!(tokenizer.decode(&completions[0].tokens).unwrap(), "cabc", "and there the document ends");
}

#[test]
fn a_stream_that_ends_too_early_is_an_error() {
    let (model, tokenizer) = tiny();
    let ended = Pretraining::new(model, options())
        .run(&tokenizer, &mut repeated("abc", 10), &mut |_| ControlFlow::Continue(()));
    assert!(matches!(ended, Err(PretrainError::OutOfDocuments)), "{ended:?}");
}

#[test]
fn what_was_stopped_goes_on_as_if_it_had_not_been() {
    let documents = || (0..100_000_usize).map(|n| "abc".repeat(1 + n % 5) + &"ca".repeat(n % 3));
    let run = |pretraining: &mut Pretraining, tokenizer: &Tokenizer, until: u64| {
        let mut progress = |report: &pretrain::PretrainReport| {
            if report.step == until { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        pretraining.run(tokenizer, &mut documents(), &mut progress).unwrap()
    };
    let (model, tokenizer) = tiny();
    let mut unbroken = Pretraining::new(model, options());
    let expected = run(&mut unbroken, &tokenizer, 60);

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("base.partial");
    let stored = |recipe: &str| Pretraining::stored(&path, Device::Cpu, Precision::FULL, options(), recipe);
    assert!(stored("abc").unwrap().is_none());
    let (model, _) = tiny();
    let mut stopped = Pretraining::new(model, options());
    run(&mut stopped, &tokenizer, 20);
    stopped.store(&tokenizer, &path, "abc").unwrap();
    let mut resumed = stored("abc").unwrap().unwrap();
    let found = run(&mut resumed, &tokenizer, 60);
    assert!(resumed.is_finished() && !stopped.is_finished());
    assert_eq!((found.step, found.num_tokens, found.loss), (60, expected.num_tokens, expected.loss));
    for ((name, a), (_, b)) in unbroken.model().parameters().iter().zip(resumed.model().parameters()) {
        assert!(a.equal(&b), "{name}");
    }
    let other = stored("xyz");
    assert!(matches!(other, Err(PretrainError::OtherRecipe { .. })), "{other:?}");
}

fn repeated(text: &str, count: usize) -> impl Iterator<Item = String> + Send {
    std::iter::repeat_n(text.to_owned(), count)
}
