//! The memory that a plan foretells, against the peaks that were measured on a card: the rows of docs/benchmarks.md.

use std::path::Path;

use gavel_model::Tokenizer;
use gavel_train::settings::Settings;
use gavel_train::train::{MemoryPlan, plan};

/// Width, width of feed-forward layers, layers, heads, heads of keys, whether head and embedding are one.
type Shape = (i64, i64, i64, i64, i64, bool);

const HALF: Shape = (896, 4864, 24, 14, 2, true);
const ONE_AND_A_HALF: Shape = (1536, 8960, 28, 12, 2, true);
const FOUR: Shape = (2560, 9728, 36, 32, 8, true);
const EIGHT: Shape = (4096, 12288, 36, 32, 8, false);

/// The shape's `config.json`, as tests/peers/model.py has it: the two larger ones are Qwen3's.
fn config((hidden, intermediate, layers, heads, key_heads, tied): Shape) -> String {
    let kind = if key_heads == 8 { "qwen3" } else { "qwen2" };
    let class = if key_heads == 8 { "Qwen3ForCausalLM" } else { "Qwen2ForCausalLM" };
    let head_dim = if key_heads == 8 { 128 } else { hidden / heads };
    format!(
        r#"{{"model_type": "{kind}", "architectures": ["{class}"], "vocab_size": 151936, "hidden_size": {hidden},
        "intermediate_size": {intermediate}, "num_hidden_layers": {layers}, "num_attention_heads": {heads},
        "num_key_value_heads": {key_heads}, "head_dim": {head_dim}, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0, "tie_word_embeddings": {tied}, "hidden_act": "silu", "eos_token_id": 0, "bos_token_id": 0}}"#
    )
}

/// The plan of a run that samples `prompts` groups of `completions`, each of at most so many tokens, after prompts of 128.
fn planned(
    folder: &Path,
    shape: Shape,
    (prompts, completions, length): (usize, usize, usize),
    change: impl FnOnce(&mut Settings),
) -> MemoryPlan {
    let model = folder.join("model");
    std::fs::create_dir_all(&model).unwrap();
    std::fs::write(model.join("config.json"), config(shape)).unwrap();
    Tokenizer::characters("abcdefghijklmnopqrstuvwxyz0123456789 ", &[]).unwrap().save(&model).unwrap();
    let tasks: String = (0..512).map(|n| format!("{{\"prompt\": \"{n:0128}\"}}\n")).collect();
    std::fs::write(folder.join("tasks.jsonl"), tasks).unwrap();
    let mut settings = Settings {
        model,
        tasks: folder.join("tasks.jsonl").into(),
        output_dir: folder.join("run"),
        num_generations: completions,
        generation_batch_size: Some(prompts * completions),
        per_device_train_batch_size: prompts * completions,
        max_completion_length: length,
        max_steps: 3,
        ..Settings::default()
    };
    change(&mut settings);
    plan(&settings).unwrap()
}

#[test]
fn plans_are_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = |_: &mut Settings| {};
    let checkpointed = |settings: &mut Settings| settings.gradient_checkpointing = true;
    let of =
        |shape, sizes, change: &dyn Fn(&mut Settings)| planned(folder.path(), shape, sizes, |s| change(s));
    // "What fits one card", "A whole step", "Beside TRL", "GRPO against PPO": GiB.
    let rows = [
        ("0.5B, 32 x 8 x 1,024", 18.9, of(HALF, (32, 8, 1024), &nothing)),
        ("1.5B, 32 x 8 x 1,024", 47.7, of(ONE_AND_A_HALF, (32, 8, 1024), &nothing)),
        (
            "4B, 32 x 8 x 1,024, recomputed, 128 sequences",
            93.5,
            of(FOUR, (32, 8, 1024), &|settings| {
                checkpointed(settings);
                settings.max_num_seqs = Some(128);
            }),
        ),
        ("0.5B, 1 x 2 x 32,640, recomputed", 13.7, of(HALF, (1, 2, 32_640), &checkpointed)),
        (
            "8B, LoRA of rank 16, 2 x 8 x 8,192, recomputed",
            56.5,
            of(EIGHT, (2, 8, 8192), &|settings| {
                checkpointed(settings);
                settings.lora_r = Some(16);
            }),
        ),
        (
            "0.5B, 32 x 8 x 256, a reference model",
            18.8,
            of(HALF, (32, 8, 256), &|settings| settings.beta = 0.001),
        ),
        (
            "0.5B, 32 x 8 x 256 in micro-batches of 32",
            16.9,
            of(HALF, (32, 8, 256), &|settings| {
                settings.per_device_train_batch_size = 32;
                settings.gradient_accumulation_steps = 8;
            }),
        ),
        (
            "the same with a value model",
            23.5,
            of(HALF, (32, 8, 256), &|settings| {
                settings.per_device_train_batch_size = 32;
                settings.gradient_accumulation_steps = 8;
                settings.adv_estimator = gavel_train::grpo::AdvEstimator::Gae;
            }),
        ),
    ];
    let mut wrong = Vec::new();
    for (name, measured, plan) in rows {
        let planned = plan.peak as f64 / f64::from(1 << 30);
        let off = 100.0 * (planned / measured - 1.0);
        println!("| {name} | {measured:.1} | {planned:.1} | {off:+.1} % |");
        if off.abs() > 5.0 {
            wrong.push(format!("{name}: {planned:.1} and not {measured:.1} GiB: {plan:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_plan_says_what_each_part_takes() {
    let folder = tempfile::tempdir().unwrap();
    let plan = planned(folder.path(), HALF, (4, 8, 100), |settings| settings.max_num_seqs = Some(16));
    // 494,032,768 parameters: 4 bytes and 2 of a copy, 4 of gradients, 8 of moments.
    assert_eq!((plan.weights, plan.gradients, plan.moments), (2_964_196_608, 1_976_131_072, 3_952_262_144));
    // 16 sequences of 228 tokens: 4 pages of 64 and one more, 2 x 2 x 64 numbers of 2 bytes in 24 layers.
    assert_eq!(plan.cache, 16 * 5 * 64 * 24 * 2 * 2 * 64 * 2);
    assert_eq!((plan.room.slots, plan.room.tokens, plan.on_kernels), (16, 228, true));
    let said = plan.to_string();
    assert!(
        said.starts_with("memory: weights 2.8, gradients 1.8, moments 3.7, cache 0.1, activations "),
        "{said}"
    );
}
