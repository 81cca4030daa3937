//! Reading settings files: defaults, overrides, and errors that name file, line and field.

use super::*;

const REQUIRED: &str = "model = \"base\"\ntasks = \"tasks.jsonl\"\noutput_dir = \"run\"\n";

fn load(text: &str, overrides: &[(&str, &str)]) -> Result<Settings, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("train.toml");
    std::fs::write(&path, text).unwrap();
    let overrides: Vec<_> = overrides.iter().map(|(f, v)| ((*f).to_owned(), (*v).to_owned())).collect();
    let folder = format!("{}/", directory.path().display());
    Settings::load(&path, &overrides).map_err(|error| error.to_string().replace(&folder, ""))
}

#[test]
fn defaults_fill_what_the_file_leaves_out() {
    let settings = load(REQUIRED, &[]).unwrap();
    assert_eq!(settings.rollout_size(), 8);
    assert_eq!((settings.prompts_per_step(), settings.updates_per_step()), (1, 1));
    assert!(settings.is_on_policy());
    assert_eq!(settings.steps(10), 30);
    assert!(settings.model.is_absolute() && settings.model.ends_with("base"));
}

#[test]
fn a_table_at_the_end_of_the_file_takes_no_override_in() {
    let text = format!("{REQUIRED}seed = 7\n\n[watch]\nverifier = \"number\"\nwindow = 3\n");
    let settings = load(&text, &[("seed", "8")]).unwrap();
    let watch = settings.watch.clone().unwrap();
    assert_eq!((settings.seed, watch.verifier.as_deref(), watch.window), (8, Some("number"), 3));
    let again = load(&settings.to_toml(), &[]).unwrap();
    assert_eq!(again.watch, settings.watch, "what a run writes down is read again");
    let other = load(&text, &[("watch", "{ window = 4 }"), ("seed", "9")]).unwrap();
    assert_eq!((other.seed, other.watch.map(|watch| watch.window)), (9, Some(4)));
    let unknown = load(&text.replace("window", "windw"), &[("seed", "8")]).unwrap_err();
    assert!(unknown.contains("train.toml:8") && unknown.contains("`windw`"), "{unknown}");
}

#[test]
fn overrides_win_and_need_no_quotes() {
    let text = format!("{REQUIRED}stop = [\n  \"a\",\n]\nseed = 7 # a comment\n");
    let overrides = [("seed", "8"), ("stop", "[\"b\"]"), ("template", "r1-zero"), ("seed", "9")];
    let settings = load(&text, &overrides).unwrap();
    assert_eq!(
        (settings.seed, settings.stop, settings.template.as_str()),
        (9, vec!["b".to_owned()], "r1-zero")
    );
}

#[test]
fn an_override_path_is_relative_to_the_working_directory() {
    let settings = load(REQUIRED, &[("output_dir", "runs/one")]).unwrap();
    assert_eq!(settings.output_dir, std::env::current_dir().unwrap().join("runs/one"));
}

#[test]
fn tasks_may_be_named_alone_or_in_a_list() {
    let list = REQUIRED.replace("\"tasks.jsonl\"", "[\"a.jsonl\", \"more/*.parquet\"]");
    let settings = load(&list, &[]).unwrap();
    assert!(settings.tasks.names()[0].is_absolute() && settings.tasks.names()[1].ends_with("more/*.parquet"));
    assert_eq!(load(&settings.to_toml(), &[]).unwrap(), settings);
    let alone = load(REQUIRED, &[]).unwrap();
    assert!(alone.to_toml().contains("tasks.jsonl\"\n"), "a text, as older versions wrote it");
    let overridden = load(REQUIRED, &[("tasks", "[\"a\", \"b\"]"), ("eval_tasks", "c")]).unwrap();
    assert_eq!((overridden.tasks.names().len(), overridden.eval_tasks.unwrap().names().len()), (2, 1));
    assert_eq!(load(&list, &[("tasks", "[]")]).unwrap_err(), "--set tasks=[]: `tasks` is missing");
}

#[test]
fn resolved_settings_read_back_the_same() {
    let settings =
        load(&format!("{REQUIRED}delta = 3.5\nloss_type = \"dr_grpo\"\nstop = [\"</answer>\"]\n"), &[])
            .unwrap();
    assert_eq!(load(&settings.to_toml(), &[]).unwrap(), settings);
}

#[test]
fn errors_name_file_line_and_field() {
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 51] = [
        (
            "reload = \"always\"\n",
            &[],
            "train.toml:4: `reload`: unknown variant `always`, expected `never` or `between-steps`",
        ),
        (
            "learning_rat = 1\n",
            &[],
            "train.toml:4: unknown field `learning_rat` (did you mean `learning_rate`?)",
        ),
        ("seed = 1\nbeta = \"x\"\n", &[], "train.toml:5: `beta`: must be a number, found \"x\""),
        ("loss_type = \"ppo\"\n", &[], "train.toml:4: `loss_type`: unknown variant `ppo`, expected one of"),
        (
            "adv_estimator = \"ppo\"\n",
            &[],
            "train.toml:4: `adv_estimator`: unknown variant `ppo`, expected one of `grpo`, `rloo`, `reinforce",
        ),
        ("seed = \n", &[], "train.toml:4: "),
        ("num_generations = 1\n", &[], "train.toml:4: `num_generations` must be at least 2"),
        (
            "\nepsilon = -1.0\n",
            &[],
            "train.toml:5: `epsilon` must be a number that is not negative, found -1",
        ),
        (
            "filter_groups = true\nrollout_ahead = 1\n",
            &[],
            "train.toml:4: `filter_groups` has to wait for the rewards of a step before it knows what to sample",
        ),
        (
            "filter_groups_metric = \"accuracy\"\n",
            &[],
            "train.toml:4: `filter_groups_metric` has no effect here: it is read only with `filter_groups`; leave it out, or",
        ),
        (
            "max_pass_rate = 0.9\n",
            &[],
            "train.toml:4: `max_pass_rate` has no effect here: it is read only with `filter_groups`",
        ),
        (
            "filter_groups = true\nmin_pass_rate = 0.9\nmax_pass_rate = 0.1\n",
            &[],
            "train.toml:5: `min_pass_rate` is 0.9, more than max_pass_rate = 0.1",
        ),
        (
            "num_remains_in_group = 8\n",
            &[],
            "train.toml:4: `num_remains_in_group` must be at least 2 and less than num_generations = 8, found 8",
        ),
        (
            "multi_objective_aggregation = \"normalize_then_sum\"\nadv_estimator = \"rloo\"\n",
            &[],
            "train.toml:4: `multi_objective_aggregation` is \"normalize_then_sum\", which says what each part",
        ),
        (
            "reward_weights = { accuracy = 1 }\n",
            &[],
            "train.toml:4: `reward_weights` says what verifiers weigh that are compared one by one",
        ),
        ("top_entropy_quantile = 1.5\n", &[], "train.toml:4: `top_entropy_quantile` must be between 0 and 1"),
        (
            "entropy_coeff = 0.01\n",
            &[],
            "train.toml:4: unknown field `entropy_coeff`; here, it is `entropy_coef`",
        ),
        ("max_num_gen_batches = 0\n", &[], "train.toml:4: `max_num_gen_batches` must be at least 1, found 0"),
        ("", &[("beta", "x")], "--set beta=x: must be a number, found \"x\""),
        ("beta = 1.0\n", &[("beta", "-1")], "--set beta=-1: `beta` must be a number that is not negative"),
        ("", &[("betta", "1")], "--set betta=1: unknown field `betta` (did you mean `beta`?)"),
        (
            "per_device_train_batch_size = 12\n",
            &[],
            "train.toml:4: `per_device_train_batch_size` makes rollouts of 12 completions, which is no multiple of",
        ),
        ("adam_beta1 = 1\n", &[], "train.toml:4: `adam_beta1` must be below 1, found 1"),
        (
            "eval_steps = 5\n",
            &[],
            "train.toml:4: `eval_steps` has no effect here: it is read only with `eval_tasks`",
        ),
        (
            "report_to = \"wandb\"\n",
            &[],
            "train.toml:4: unknown field `report_to`, an option of other trainers' that is not here: a run writes",
        ),
        (
            "num_generations_eval = 8\n",
            &[],
            "train.toml:4: `num_generations_eval` is 8, and eval_temperature is 0, which writes the same",
        ),
        ("scale_rewards = 1\n", &[], "train.toml:4: `scale_rewards`: invalid type: integer `1`, expected"),
        ("lr = 1e-6\n", &[], "train.toml:4: unknown field `lr`; here, it is `learning_rate`"),
        (
            "",
            &[("actor_rollout_ref.rollout.n", "8")],
            "--set actor_rollout_ref.rollout.n=8: unknown field `actor_rollout_ref.rollout.n`; here, it is `num_generations`",
        ),
        (
            "train_batch_size = 64\n",
            &[],
            "train.toml:4: unknown field `train_batch_size`; here, `generation_batch_size` says how many completions",
        ),
        (
            "max_steps = 0\n",
            &[],
            "train.toml:4: `max_steps` must be at least 1, or -1 to leave it to num_train",
        ),
        ("max_steps = -2\n", &[], "train.toml:4: `max_steps` must be at least 1, or -1"),
        (
            "num_train_epochs = 0\n",
            &[],
            "train.toml:4: `num_train_epochs` is 0, and max_steps leaves the length",
        ),
        (
            "[actor_rollout_ref.rollout]\ntemperature = 1\n",
            &[],
            "train.toml:5: unknown field `actor_rollout_ref.rollout.temperature`; here, it is `temperature` at the top",
        ),
        (
            "[actor_rollout_ref.rollout]\nn = 8\n",
            &[],
            "train.toml:5: unknown field `actor_rollout_ref.rollout.n`; here, it is `num_generations`",
        ),
        (
            "actor_rollout_ref.model.path = \"Qwen/Qwen2.5-0.5B\"\n",
            &[],
            "train.toml:4: unknown field `actor_rollout_ref.model.path`; here, it is `model`",
        ),
        (
            "lora_dropout = 0.05\n",
            &[],
            "train.toml:4: unknown field `lora_dropout`, an option of other trainers' that is not here: adapters are plain LoRA",
        ),
        ("use_peft = true\n", &[], "train.toml:4: unknown field `use_peft`; here, it is `lora_r`"),
        ("lora_r = 0\n", &[], "train.toml:4: `lora_r` must be at least 1"),
        (
            "use_rslora = true\n",
            &[],
            "train.toml:4: `use_rslora` has no effect here: it is read only with `lora_r`",
        ),
        ("reference_column = \"\"\n", &[], "train.toml:4: `reference_column` must name a column"),
        (
            "gamma = 0.9\n",
            &[],
            "train.toml:4: `gamma` has no effect here: it is read only with `adv_estimator = \"gae\"`",
        ),
        (
            "ppo_kl_coef = 0.2\n",
            &[],
            "train.toml:4: `ppo_kl_coef` has no effect here: it is read only with the surrogate `kl_cov`",
        ),
        (
            "kl_estimator = \"k2\"\n",
            &[],
            "train.toml:4: `kl_estimator` has no effect here: it is read only with `beta` above 0",
        ),
        (
            "beta = 0.1\nkl_estimator = \"k2\"\nkl_clamp = true\n",
            &[],
            "train.toml:6: `kl_clamp` has no effect here: it is read only with `kl_estimator` `k3` or `k3+`",
        ),
        (
            "loss_type = \"sapo\"\n",
            &[("epsilon", "0.1")],
            "--set epsilon=0.1: `epsilon` has no effect here: it is read only with",
        ),
        (
            "lr_scheduler_type = \"constant\"\nwarmup_steps = 5\n",
            &[],
            "train.toml:5: `warmup_steps` has no effect here: it is read only with an `lr_scheduler_type` that",
        ),
        (
            "adv_estimator = \"rloo\"\nscale_rewards = \"none\"\n",
            &[],
            "train.toml:5: `scale_rewards` has no effect here: it is read only with `adv_estimator` `grpo`",
        ),
        (
            "eval_tasks = \"e.jsonl\"\neval_top_k = 5\n",
            &[],
            "train.toml:5: `eval_top_k` has no effect here: it is read only with `eval_temperature` above 0",
        ),
        (
            "[watch]\nmax_forged = 0.1\n",
            &[],
            "train.toml:4: `watch` has `max_forged`, which is read only with `forged`",
        ),
        ("max_num_seqs = 0\n", &[], "train.toml:4: `max_num_seqs` must be at least 1"),
    ];
    for (text, overrides, wanted) in cases {
        let error = load(&format!("{REQUIRED}{text}"), overrides).unwrap_err();
        assert!(error.starts_with(wanted), "{error:?} does not start with {wanted:?}");
    }
    assert_eq!(
        load("model = \"m\"\ntasks = \"t\"\n", &[]).unwrap_err(),
        "train.toml: `output_dir` is missing"
    );
}

#[test]
fn scale_rewards_takes_trls_bools() {
    for (text, expected) in
        [("true", ScaleRewards::Group), ("false", ScaleRewards::None), ("\"batch\"", ScaleRewards::Batch)]
    {
        let settings = load(&format!("{REQUIRED}scale_rewards = {text}\n"), &[]).unwrap();
        assert_eq!(settings.scale_rewards, expected, "{text}");
        assert_eq!(load(&settings.to_toml(), &[]).unwrap(), settings);
    }
}

#[test]
fn an_optimiser_step_may_learn_from_several_rollouts() {
    let text = "per_device_train_batch_size = 8\ngradient_accumulation_steps = 4\nsteps_per_generation = 2\n";
    let settings = load(&format!("{REQUIRED}{text}"), &[]).unwrap();
    assert_eq!((settings.generation_size(), settings.rollout_size()), (16, 32));
    assert_eq!((settings.sequences_in_flight(), settings.updates_per_step()), (16, 1));
    assert!(settings.is_on_policy());
    let capped = Settings { max_num_seqs: Some(5), ..settings };
    assert_eq!(capped.sequences_in_flight(), 5);
}

#[test]
fn micro_batches_split_what_an_update_learns_from() {
    let text = "per_device_train_batch_size = 4\ngradient_accumulation_steps = 2\n\
                generation_batch_size = 32\nnum_iterations = 3\nnum_generations = 8\n";
    let settings = load(&format!("{REQUIRED}{text}"), &[]).unwrap();
    assert_eq!((settings.optimizer_batch_size(), settings.prompts_per_step()), (8, 4));
    assert_eq!(settings.updates_per_step(), 12);
    assert!(!settings.is_on_policy());
}

#[test]
fn a_value_with_which_nothing_is_learnt_is_refused() {
    let parts = "multi_objective_aggregation = \"normalize_then_sum\"\n";
    for (text, wanted) in [
        (
            "top_entropy_quantile = 0.0\n",
            "train.toml:4: `top_entropy_quantile` must be above 0 and at most 1",
        ),
        ("learning_rate = 0\n", "train.toml:4: `learning_rate` must be above 0"),
        ("adam_epsilon = 0\n", "train.toml:4: `adam_epsilon` must be above 0, found 0"),
        ("top_k = 1\n", "train.toml:4: `top_k` must be 0, which is all tokens, or at least 2"),
        ("min_p = 1\n", "train.toml:4: `min_p` must be below 1, for a group to differ"),
        ("warmup_ratio = 2\n", "train.toml:4: `warmup_ratio` must be between 0 and 1, found 2"),
        (
            "delta = 1.0\n",
            "train.toml:4: `delta` must be above 1, which is the ratio that every update begins with",
        ),
        ("loss_type = \"cispo\"\nepsilon_high = 0\n", "train.toml:5: `epsilon_high` must be above 0"),
        (
            &format!("{parts}reward_weights = {{ a = 0 }}\n"),
            "train.toml:5: `reward_weights` must have a weight",
        ),
    ] {
        let error = load(&format!("{REQUIRED}{text}"), &[]).unwrap_err();
        assert!(error.starts_with(wanted), "{error:?} does not start with {wanted:?}");
    }
    for text in ["top_k = 2\n", "min_p = 0.5\n", "delta = 1.5\n", "warmup_ratio = 1\n"] {
        let loaded = load(&format!("{REQUIRED}{text}"), &[]);
        assert!(loaded.as_ref().err().is_none_or(|error| error.contains("has no effect here")), "{loaded:?}");
    }
}

#[test]
fn what_a_newcomer_types_is_taken_or_answered() {
    let marked = load(&format!("\u{feff}{REQUIRED}beta = 0.5\n"), &[]).unwrap();
    assert_eq!(marked.beta, 0.5, "the mark that some editors write");
    let table = format!("{REQUIRED}[chat_template_kwargs]\nstyle = \"calm\"\n");
    let dotted = load(&table, &[("chat_template_kwargs.enable_thinking", "false")]).unwrap();
    let kwargs = Value::Object(dotted.chat_template_kwargs).to_string();
    assert_eq!(kwargs, r#"{"style":"calm","enable_thinking":false}"#);
    for (field, value, wanted) in [
        ("top_k", "-1", "must be a whole number that is not negative, found -1; 0 takes all tokens"),
        ("seed", "-1", "must be a whole number that is not negative, found -1"),
        ("stop", "x", "must be a list, such as [\"x\"]"),
        ("chat_date", "yesterday", "must be a day, such as \"2026-11-30\""),
        ("loss_type", "gspo", "; GSPO is `importance_sampling_level = \"sequence\"`"),
        ("adv_estimator", "ppo", "; PPO, with a value model, is `gae`"),
        ("lr_scheduler_type", "cosin", "(did you mean `cosine`?)"),
    ] {
        let error = load(REQUIRED, &[(field, value)]).unwrap_err();
        assert!(error.starts_with(&format!("--set {field}={value}: ")) && error.contains(wanted), "{error}");
    }
}
