//! Several processes train as one does: the same completions, loss and gradient; a run goes on with another number of them;
//! and the failure of one ends all. Each test starts itself again, once for every rank, over loopback.

mod bench;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gavel_model::{Model, Precision};
use gavel_train::grpo::{AdvEstimator, LossType, Surrogate};
use gavel_train::learn::{Example, LearnOptions, Learner, OldLogProbs};
use gavel_train::optim::AdamW;
use gavel_train::settings::{Reload, Settings};
use gavel_train::train::{Progress, Start, train, train_together};
use gavel_train::{Fault, Ranks, TrainError};
use gavel_verify::Reward;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use bench::{Bench, Rank, Silent, share_of_a, start};

/// Norm of the difference, divided by the norm.
fn difference(found: &[Tensor], expected: &[Tensor]) -> f64 {
    let norm = |tensors: &mut dyn Iterator<Item = Tensor>| {
        tensors
            .map(|tensor| tensor.to_kind(Kind::Double).square().sum(Kind::Double).double_value(&[]))
            .sum::<f64>()
            .sqrt()
    };
    norm(&mut found.iter().zip(expected).map(|(a, b)| a - b))
        / norm(&mut expected.iter().map(Tensor::shallow_clone))
}

#[test]
fn ranks_have_the_loss_and_the_gradient_of_one() {
    if let Some(rank) = Rank::here() {
        let default = Settings::default();
        let objectives = [
            default.objective(),
            Settings { beta: 0.1, loss_type: LossType::Grpo, ..default.clone() }.objective(),
            Settings { entropy_coef: 0.01, top_entropy_quantile: 0.4, ..default.clone() }.objective(),
            Settings {
                surrogate: Some(Surrogate::ClipCov),
                clip_cov_ratio: 0.1,
                clip_cov_lb: 0.0,
                ..default.clone()
            }
            .objective(),
            Settings { surrogate: Some(Surrogate::KlCov), kl_cov_ratio: 0.1, ..default.clone() }.objective(),
        ];
        for objective in objectives {
            let options = LearnOptions {
                objective,
                temperature: 1.0,
                mask_truncated_completions: false,
                optimizer_batch_size: 12,
                micro_batch_size: 3,
                micro_batch_tokens: 1000,
                gradient_checkpointing: false,
                old_log_probs: Some(OldLogProbs::Sampler),
                router_aux_loss_coef: None,
            };
            let alone = learn(&Ranks::alone(), options, &rank.directory);
            let together = learn(&rank.ranks, options, &rank.directory);
            let (loss, of_one) = (together.0, alone.0);
            assert!((loss - of_one).abs() <= 1e-6 * of_one.abs(), "{objective:?}: {loss} and {of_one}");
            let off = difference(&together.1, &alone.1);
            assert!(off <= 1e-6, "{objective:?}: the gradient is off by {off}");
        }
        return;
    }
    let bench = Bench::new();
    for size in [2, 4] {
        let codes = start("ranks_have_the_loss_and_the_gradient_of_one", size, bench.directory.path());
        assert_eq!(codes, vec![Some(0); size]);
    }
}

/// The loss and the gradient of made-up completions of several prompts and lengths.
fn learn(ranks: &Ranks, options: LearnOptions, directory: &Path) -> (f64, Vec<Tensor>) {
    let load = || Model::load(&directory.join("model"), Device::Cpu, Precision::FULL).unwrap();
    let mut model = load();
    model.set_requires_grad(true);
    let optimizer = AdamW::new(model.parameters(), Settings::default().adamw());
    let reference = (options.objective.beta != 0.0).then(load);
    let learner = Learner { model: &model, reference, optimizer, options, ranks };
    let prompts: Vec<Vec<i64>> = (0..4).map(|n| vec![1 + n % 3; 2 + n as usize]).collect();
    let completions: Vec<Vec<i64>> =
        (0..12).map(|n| (0..1 + n % 5).map(|t| 1 + (n + t) % 4).collect()).collect();
    let advantages: Vec<f64> = (0..12).map(|n| f64::from(n % 4) - 1.3).collect();
    let log_probs: Vec<Vec<f32>> = completions
        .iter()
        .map(|completion| completion.iter().map(|token| -1.0 - *token as f32 / 4.0).collect())
        .collect();
    let examples: Vec<Example<'_>> = (0..12)
        .map(|index| Example {
            prompt: &prompts[index / 3],
            completion: &completions[index],
            sampled_log_probs: &log_probs[index],
            truncated: false,
            advantages: std::slice::from_ref(&advantages[index]),
            index,
        })
        .collect();
    let sums = learner.backward(&learner.batches(&examples)[0], 7).unwrap();
    (sums.loss.loss, model.parameters().iter().map(|(_, parameter)| parameter.grad()).collect())
}

#[test]
fn ranks_train_as_one_process_does() {
    let test = "ranks_train_as_one_process_does";
    if let Some(rank) = Rank::here() {
        return rank.train_to_the_end();
    }
    let mut bench = Bench::new();
    bench.settings.eval_tasks = Some(bench.settings.tasks.clone());
    bench.settings.num_iterations = 2;
    bench.settings.beta = 0.01;
    bench.train_alone("alone");
    for size in [2, 4] {
        let run = format!("of {size}");
        assert_eq!(bench.start(test, &bench.among(size, &run)), vec![Some(0); size]);
        assert_same_runs(&bench, &run, "alone");
        let files: Vec<_> = std::fs::read_dir(bench.directory.path().join(&run)).unwrap().collect();
        let events = files
            .iter()
            .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains("tfevents"));
        assert_eq!(events.count(), 1, "one rank writes");
    }
}

/// Completions with their scores and advantages are the same, and numbers are but for rounding.
fn assert_same_runs(bench: &Bench, run: &str, expected: &str) {
    let (found, rows) = (bench.rows(run), bench.rows(expected));
    assert_eq!(found.len(), rows.len());
    for (found, row) in found.iter().zip(&rows) {
        for (name, value) in row.as_object().unwrap() {
            if name.starts_with("time/") || name == "step_time" || name == "eval_runtime" {
                continue;
            }
            match (found[name].as_f64(), value.as_f64()) {
                (Some(a), Some(b)) => {
                    assert!((a - b).abs() <= 1e-4 * b.abs() + 1e-6, "{run}, {name}: {a} and {b}")
                }
                (a, b) => assert_eq!(a, b, "{run}, {name}"),
            }
        }
    }
    for step in 1..=bench.settings.max_steps as usize {
        let (found, rows) = (bench.completions(run, step), bench.completions(expected, step));
        assert!(!rows.is_empty());
        assert_eq!(found.len(), rows.len());
        for (found, row) in found.iter().zip(&rows) {
            let texts =
                |row: &Value| (row["prompt"].clone(), row["completion"].clone(), row["no_reward"].clone());
            assert_eq!(texts(found), texts(row), "{run}, step {step}");
            let [a, b] = [found, row].map(|row| row["advantage"].as_f64().unwrap());
            assert!((a - b).abs() <= 1e-5, "{run}, step {step}: {a} and {b}");
        }
    }
}

#[test]
fn ranks_do_whatever_else_one_process_can() {
    let test = "ranks_do_whatever_else_one_process_can";
    if let Some(rank) = Rank::here() {
        return rank.train_to_the_end();
    }
    let with = |change: &dyn Fn(&mut Settings)| {
        let mut bench = Bench::new();
        change(&mut bench.settings);
        bench.train_alone("alone");
        assert_eq!(bench.start(test, &bench.among(2, "of 2")), [Some(0); 2]);
        assert_same_runs(&bench, "of 2", "alone");
    };
    with(&|settings| {
        settings.adv_estimator = AdvEstimator::Gae;
        settings.value_learning_rate = Some(1e-3);
        settings.zero_stage = 1;
    });
    with(&|settings| {
        settings.adv_estimator = AdvEstimator::Remax;
        settings.filter_groups = true;
    });
    with(&|settings| {
        settings.rollout_ahead = 1;
        settings.steps_per_generation = Some(2);
        settings.top_entropy_quantile = 0.5;
        settings.lora_r = Some(4);
    });
}

#[test]
fn a_run_goes_on_with_another_number_of_ranks() {
    let test = "a_run_goes_on_with_another_number_of_ranks";
    if let Some(rank) = Rank::here() {
        let settings = rank.settings();
        // The last rank alone wants an end after the step that settings say.
        let until = settings.save_steps as u64;
        let stops = |step: u64| {
            if rank.rank + 1 == settings.processes() && step == until {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        rank.train(&settings, &share_of_a(), stops).unwrap();
        return;
    }
    let mut bench = Bench::new();
    bench.settings.max_steps = 6;
    bench.settings.rollout_ahead = 1;
    bench.train_alone("alone");
    // One process to step 2, two of them to step 4, four to the end.
    let mut alone = bench.among(1, "in turns");
    alone.save_steps = 2;
    train(&alone, &share_of_a(), Start::New, &mut |progress| match progress {
        Progress::Stepped(report) if report.step == 2 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
    .unwrap();
    for (size, until) in [(2, 4), (4, 6)] {
        // Two share the moments, and four have all of them each.
        let zero_stage = u8::from(size == 2);
        let settings = Settings { save_steps: until, zero_stage, ..bench.among(size, "in turns") };
        assert_eq!(bench.start(test, &settings), vec![Some(0); size]);
        let checkpoint = settings.output_dir.join(format!("checkpoints/step-{until:05}/trainer_state.json"));
        assert!(checkpoint.exists(), "they keep what they have done");
        let last = bench.rows("in turns").last().map(|row| row["step"].as_u64());
        assert_eq!(last, Some(Some(until as u64)), "all end with the one that wants to");
    }
    assert_same_runs(&bench, "in turns", "alone");
    // And with one again, where nothing is left to do.
    let summary =
        train(&bench.among(1, "in turns"), &share_of_a(), Start::Resume, &mut |_| ControlFlow::Continue(()));
    assert_eq!(summary.unwrap().steps, 6);
    // As a whole, the run has to stay what it was.
    let other = Settings { num_processes: None, ..bench.among(2, "in turns") };
    let error = train(&other, &share_of_a(), Start::Resume, &mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, TrainError::SettingChanged { .. }), "{error}");
}

#[test]
fn the_error_of_one_rank_ends_all_with_its_message() {
    let test = "the_error_of_one_rank_ends_all_with_its_message";
    if let Some(rank) = Rank::here() {
        let reward: Arc<dyn Reward> = if rank.rank == 2 { Arc::new(Silent) } else { share_of_a() };
        let error = rank.train(&rank.settings(), &reward, |_| ControlFlow::Continue(())).unwrap_err();
        let own = "the reward left 4 of 4 submissions unanswered";
        let expected = if rank.rank == 2 { own.to_owned() } else { format!("rank 2: {own}") };
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.fault(), Fault::Machine);
        return;
    }
    let bench = Bench::new();
    assert_eq!(bench.start(test, &bench.among(4, "run")), [Some(0); 4]);
}

#[test]
fn a_rank_that_is_killed_ends_all_and_the_run_goes_on_from_its_checkpoint() {
    let test = "a_rank_that_is_killed_ends_all_and_the_run_goes_on_from_its_checkpoint";
    if let Some(rank) = Rank::here() {
        let settings = rank.settings();
        let resumes = settings.output_dir.join("checkpoints/step-00002").exists();
        rank.ranks.wait_for_all().unwrap();
        if resumes {
            return rank.train_to_the_end();
        }
        let mut killed_at = Instant::now();
        let result = rank.train(&settings, &share_of_a(), |step| {
            killed_at = Instant::now();
            if rank.rank == 1 && step == 3 {
                std::process::abort();
            }
            ControlFlow::Continue(())
        });
        let error = result.unwrap_err();
        assert!(matches!(error, TrainError::Ranks(_) | TrainError::OtherRank { .. }), "{error:?}");
        assert!(error.to_string().contains("another rank has ended"), "{error}");
        assert!(killed_at.elapsed() < Duration::from_secs(10), "{:?}", killed_at.elapsed());
        return;
    }
    let mut bench = Bench::new();
    bench.settings.save_steps = 2;
    bench.train_alone("alone");
    let settings = bench.among(4, "run");
    assert_eq!(bench.start(test, &settings), [Some(0), None, Some(0), Some(0)]);
    assert_eq!(bench.start(test, &settings), [Some(0); 4]);
    assert_same_runs(&bench, "run", "alone");
}

#[test]
fn ranks_that_were_started_with_other_settings_are_refused() {
    let test = "ranks_that_were_started_with_other_settings_are_refused";
    if let Some(rank) = Rank::here() {
        let settings = Settings { seed: 1 + rank.rank as u64 / 3, ..rank.settings() };
        let error = rank.train(&settings, &share_of_a(), |_| ControlFlow::Continue(())).unwrap_err();
        assert!(
            error.to_string().contains("do not agree on the settings, the files that they name"),
            "{error}"
        );
        assert!(!settings.output_dir.exists(), "nothing has been written");
        return;
    }
    let bench = Bench::new();
    assert_eq!(bench.start(test, &bench.among(4, "run")), [Some(0); 4]);
}

#[test]
fn what_several_processes_cannot_do_is_refused() {
    let test = "what_several_processes_cannot_do_is_refused";
    if let Some(rank) = Rank::here() {
        let refused = |settings: &Settings| {
            let result = train_together(&Ranks::alone(), settings, &share_of_a(), Start::New, &mut |_| {
                ControlFlow::Continue(())
            });
            result.unwrap_err().to_string()
        };
        let alone = refused(&rank.settings());
        assert!(alone.starts_with("`num_processes` is 2, and one process trains: leave it out"), "{alone}");
        let settings = Settings { reload: Reload::BetweenSteps, ..rank.settings() };
        let error =
            rank.train(&settings, &share_of_a(), |_| ControlFlow::Continue(())).unwrap_err().to_string();
        assert!(error.contains("`reload` is \"between-steps\", and with 2 processes"), "{error}");
        return;
    }
    let bench = Bench::new();
    assert_eq!(bench.start(test, &bench.among(2, "run")), [Some(0); 2]);
}
