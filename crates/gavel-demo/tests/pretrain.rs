//! Pre-trains a tiny model on a text that repeats itself until it can continue it.

use gavel_demo::pretrain::{self, PretrainError, PretrainOptions, pretrain};
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
    let (mut model, tokenizer) = tiny();
    let mut documents = std::iter::repeat_n("abcabc".to_owned(), 100_000);
    let mut losses = Vec::new();
    let last =
        pretrain(&mut model, &tokenizer, &mut documents, &options(), &mut |report| losses.push(report.loss))
            .unwrap();
    assert!(losses[0] > 1.0 && last.loss < 0.1, "from {} to {}", losses[0], last.loss);
    assert_eq!((losses.len(), last.num_tokens), (60, 60 * 8 * 24));

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("base");
    pretrain::save(&model, &tokenizer, &path).unwrap();
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
    let (mut model, tokenizer) = tiny();
    let mut documents = std::iter::repeat_n("abc".to_owned(), 10);
    let ended = pretrain(&mut model, &tokenizer, &mut documents, &options(), &mut |_| {});
    assert!(matches!(ended, Err(PretrainError::OutOfDocuments)), "{ended:?}");
}
