//! Options of other trainers, as people type them: what is called otherwise here, and what is not here at all.
//!
//! The names are those of TRL's `GRPOConfig` (whose names settings have) and its relatives, of verl and of OpenRLHF. verl's have
//! dots before them (`actor_rollout_ref.rollout.n`), and count by the longest end of them that is known.

/// What a setting is here that another trainer has under this name, as the end of "here, …".
pub(super) fn called_otherwise(name: &str) -> Option<String> {
    ends(name).find_map(|name| {
        if let Some((here, _)) = SAME.iter().find(|(_, others)| others.contains(&name)) {
            return Some(format!("it is `{here}`"));
        }
        let (_, how) = SIMILAR.iter().find(|(others, _)| others.contains(&name))?;
        Some((*how).to_owned())
    })
}

/// Why an option is not here, and what does its work.
pub(super) fn absent(name: &str) -> Option<&'static str> {
    ends(name).find_map(|name| {
        let (_, why) = ABSENT.iter().find(|(known, _)| match known.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *known,
        })?;
        Some(*why)
    })
}

/// A name and what is left of it behind each of its dots, the longest first.
fn ends(name: &str) -> impl Iterator<Item = &str> {
    std::iter::once(name).chain(name.match_indices('.').map(|(dot, _)| &name[dot + 1..]))
}

/// Settings, and what means the same elsewhere.
const SAME: &[(&str, &[&str])] = &[
    ("model", &["model_name_or_path", "model_name", "model_path", "pretrain", "base_model", "model.path"]),
    (
        "tasks",
        &[
            "train_files",
            "train_file",
            "prompt_data",
            "dataset",
            "dataset_name",
            "data_path",
            "train_dataset",
        ],
    ),
    ("eval_tasks", &["val_files", "eval_dataset", "eval_data", "test_files"]),
    ("reward", &["reward_model", "reward_fn", "reward_function", "remote_rm_url"]),
    ("output_dir", &["save_path", "default_local_dir", "ckpt_path", "out_dir"]),
    ("prompt_column", &["prompt_key", "input_key"]),
    ("reference_column", &["label_key", "answer_key"]),
    ("template", &["input_template", "prompt_template"]),
    ("lora_r", &["lora_rank", "use_peft"]),
    ("lora_target_modules", &["target_modules"]),
    (
        "num_generations",
        &["n", "rollout_n", "group_size", "n_samples_per_prompt", "num_samples", "num_rollouts"],
    ),
    (
        "max_completion_length",
        &["max_new_tokens", "max_response_length", "generate_max_len", "response_length", "max_tokens"],
    ),
    (
        "per_device_train_batch_size",
        &[
            "micro_train_batch_size",
            "ppo_micro_batch_size_per_gpu",
            "ppo_micro_batch_size",
            "micro_batch_size",
        ],
    ),
    ("max_tokens_per_micro_batch", &["ppo_max_token_len_per_gpu", "use_dynamic_bsz", "use_dynamic_batch"]),
    ("gradient_checkpointing", &["enable_gradient_checkpointing"]),
    ("num_iterations", &["ppo_epochs", "num_ppo_epochs", "max_epochs", "mu"]),
    ("beta", &["kl_coef", "init_kl_coef", "kl_loss_coef", "kl_coeff", "kl_beta", "use_kl_loss"]),
    ("epsilon", &["clip_ratio", "clip_ratio_low", "eps_clip", "cliprange", "clip_range", "clip_eps"]),
    ("epsilon_high", &["clip_ratio_high", "eps_clip_high"]),
    ("delta", &["clip_ratio_c", "dual_clip"]),
    ("value_learning_rate", &["critic.optim.lr", "critic_learning_rate", "critic_lr"]),
    ("cliprange_value", &["value_clip", "eps_clip_value", "critic.cliprange_value"]),
    ("lam", &["lambd", "gae_lambda", "lambda"]),
    ("filter_groups", &["filter_groups.enable", "dynamic_sampling", "dynamic_filtering"]),
    ("filter_groups_metric", &["filter_groups.metric", "dynamic_filtering_reward"]),
    ("max_num_gen_batches", &["filter_groups.max_num_gen_batches"]),
    ("reward_weights", &["gdpo_reward_weights", "gdpo_reward_keys"]),
    ("entropy_coef", &["entropy_coeff", "entropy_loss_coef", "ent_coef"]),
    ("adv_estimator", &["advantage_estimator", "adv_type"]),
    ("surrogate", &["loss_mode", "policy_loss", "policy_loss_type"]),
    ("kl_estimator", &["kl_loss_type", "kl_penalty", "kl_type"]),
    ("loss_type", &["loss_agg_mode"]),
    ("scale_rewards", &["norm_adv_by_std_in_grpo"]),
    ("learning_rate", &["lr", "actor_learning_rate", "actor_lr", "policy_lr"]),
    ("lr_scheduler_type", &["lr_scheduler", "scheduler", "warmup_style"]),
    ("warmup_steps", &["lr_warmup_steps", "num_warmup_steps"]),
    ("warmup_ratio", &["lr_warmup_ratio", "lr_warmup_steps_ratio"]),
    ("max_grad_norm", &["grad_clip", "clip_grad", "max_norm", "gradient_clipping"]),
    ("weight_decay", &["l2", "wd"]),
    ("max_steps", &["total_training_steps", "total_steps", "num_steps", "max_iters", "steps"]),
    ("num_train_epochs", &["total_epochs", "num_episodes", "num_epochs", "epochs"]),
    ("seed", &["random_seed", "data_seed"]),
    ("logging_steps", &["log_interval", "log_freq"]),
    ("save_steps", &["save_freq", "save_interval"]),
    ("save_total_limit", &["max_ckpt_num", "max_actor_ckpt_to_keep"]),
    ("eval_steps", &["test_freq", "eval_freq", "eval_interval"]),
    ("eval_on_start", &["val_before_train"]),
];

/// Options whose work is done by a setting that counts another thing, or by two.
const SIMILAR: &[(&[&str], &str)] = &[
    (
        &["train_batch_size", "rollout_batch_size", "batch_size"],
        "`generation_batch_size` says how many completions are sampled at a time (prompts times `num_generations`), and \
         `per_device_train_batch_size` times `gradient_accumulation_steps` how many an update learns from",
    ),
    (
        &["ppo_mini_batch_size", "mini_batch_size"],
        "an update learns from `per_device_train_batch_size` times `gradient_accumulation_steps` completions",
    ),
    (
        &[
            "custom_reward_function.path",
            "custom_reward_function.name",
            "reward_function_path",
            "compute_score",
        ],
        "`reward` names a reward file, and a plugin judges in place of a function; gavel docs port-a-python-verifier moves one \
         over",
    ),
    (
        &["async_train", "async_queue_size", "one_step_off_policy", "staleness_threshold"],
        "`rollout_ahead` says how many steps ahead of learning completions are sampled",
    ),
    (
        &["dynamic_filtering_reward_range"],
        "`min_pass_rate` and `max_pass_rate` say how often the completions of a group earn 1, with `filter_groups`",
    ),
    (&["micro_rollout_batch_size"], "`max_num_seqs` bounds how many sequences are sampled at a time"),
    (
        &["do_sample"],
        "training always samples, by `temperature`, `top_p`, `top_k` and `min_p`; `eval_temperature` 0 takes the most likely token",
    ),
];

const PLAIN_LORA: &str = "adapters are plain LoRA, by lora_r, lora_alpha, lora_target_modules and use_rslora; gavel docs train says more";

const WHOLE_MODEL: &str = "every process has the whole model, and with zero_stage = 1 a share of its optimiser; gavel docs train says more";

const STARTED_WITH: &str =
    "what starts the processes says how many there are: gavel train --nproc-per-node, or torchrun";

const ENTROPY_COEF_STAYS: &str = "entropy_coef stays what it is for a whole run";

const BEST_MODEL: &str = "every checkpoint that save_total_limit leaves is a model, and the evaluations in metrics.jsonl say which is best";

/// Options that are not here, by name or by how a family of them begins.
const ABSENT: &[(&str, &str)] = &[
    ("report_to", "a run writes metrics.jsonl and TensorBoard's files into its output_dir"),
    ("use_wandb", "a run writes metrics.jsonl and TensorBoard's files into its output_dir"),
    ("wandb_*", "a run writes metrics.jsonl and TensorBoard's files into its output_dir"),
    ("run_name", "a run is called after its output_dir"),
    ("experiment_name", "a run is called after its output_dir"),
    ("logging_dir", "a run writes metrics.jsonl and TensorBoard's files into its output_dir"),
    ("logging_strategy", "logging_steps says how often"),
    ("eval_strategy", "eval_steps says how often"),
    ("save_strategy", "save_steps says how often"),
    ("use_vllm", "sampling is gavel's own, and max_num_seqs bounds its memory"),
    ("vllm_*", "sampling is gavel's own, and max_num_seqs bounds its memory"),
    ("gpu_memory_utilization", "sampling is gavel's own, and max_num_seqs bounds its memory"),
    ("use_transformers_paged", "sampling is gavel's own, and max_num_seqs bounds its memory"),
    ("peft_*", PLAIN_LORA),
    ("lora_dropout", PLAIN_LORA),
    ("lora_bias", PLAIN_LORA),
    ("lora_task_type", PLAIN_LORA),
    ("lora_modules_to_save", PLAIN_LORA),
    ("lora_adapter_path", PLAIN_LORA),
    ("use_dora", PLAIN_LORA),
    ("load_in_*", "models are trained in float32 or, with bf16, in bfloat16 on float32 parameters"),
    ("attn_implementation", "attention is gavel's own"),
    ("flash_attn", "attention is gavel's own"),
    ("load_best_model_at_end", BEST_MODEL),
    ("metric_for_best_model", BEST_MODEL),
    ("greater_is_better", BEST_MODEL),
    ("fp16", "models are trained in float32 or, with bf16, in bfloat16 on float32 parameters"),
    ("torch_dtype", "models are trained in float32 or, with bf16, in bfloat16 on float32 parameters"),
    ("model_init_kwargs", "bf16 and save_dtype choose formats"),
    ("gradient_checkpointing_kwargs", "gradient_checkpointing has no parameters"),
    ("optim", "the optimiser is AdamW"),
    ("optim_args", "the optimiser is AdamW"),
    ("lr_scheduler_kwargs", "the schedules have no parameters but warmup_steps and warmup_ratio"),
    ("reward_funcs", "the reward file names what judges"),
    ("max_prompt_length", "prompts are not cut"),
    ("prompt_max_len", "prompts are not cut"),
    ("remove_unused_columns", "all columns of a task reach the verifiers"),
    ("dataloader_*", "tasks are read whole before the first step"),
    ("num_completions_to_print", "completions are written to files; see log_completions"),
    ("disable_dropout", "there is no dropout"),
    ("deepspeed", WHOLE_MODEL),
    ("fsdp*", WHOLE_MODEL),
    ("ddp_backend", "ranks exchange by NCCL on CUDA, and by Gloo on CPUs"),
    ("ddp_bucket_cap_mb", "gradients are added up in buckets of one size"),
    ("ddp_broadcast_buffers", "there are no buffers but the parameters"),
    ("ddp_find_unused_parameters", "the gradient of what no loss depends on is 0"),
    ("ds3_gather_for_generation", WHOLE_MODEL),
    ("n_gpus_per_node", STARTED_WITH),
    ("nnodes", STARTED_WITH),
    ("world_size", STARTED_WITH),
    ("tensor_model_parallel_size", WHOLE_MODEL),
    ("push_to_hub", "a checkpoint is a folder that `hf upload` takes"),
    ("hub_*", "a checkpoint is a folder that `hf upload` takes"),
    ("sync_ref_model", "the reference is the model that the run began with"),
    ("ref_model_*", "the reference is the model that the run began with"),
    ("repetition_penalty", "temperature, top_p, top_k and min_p say how to sample"),
    ("generation_kwargs", "temperature, top_p, top_k and min_p say how to sample"),
    (
        "vf_coef",
        "the value model of adv_estimator = \"gae\" has an optimiser of its own; value_learning_rate is its rate",
    ),
    (
        "critic_warmup*",
        "the value model of adv_estimator = \"gae\" learns from the first step on, and the policy too",
    ),
    ("entropy_coef_*", ENTROPY_COEF_STAYS),
    ("use_adaptive_entropy", ENTROPY_COEF_STAYS),
    ("entropy_target", ENTROPY_COEF_STAYS),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::fields;
    use super::*;

    #[test]
    fn no_setting_is_said_to_be_something_else() {
        assert_eq!(fields().iter().find(|field| absent(field).is_some()), None);
        assert_eq!(fields().iter().find(|field| called_otherwise(field).is_some()), None);
    }

    #[test]
    fn every_name_leads_to_a_setting_and_to_one_alone() {
        let mut seen = BTreeSet::new();
        for (here, others) in SAME {
            assert!(fields().contains(here), "{here}");
            others
                .iter()
                .for_each(|other| assert!(seen.insert(*other) && absent(other).is_none(), "{other}"));
        }
        for (others, how) in SIMILAR {
            others
                .iter()
                .for_each(|other| assert!(seen.insert(*other) && absent(other).is_none(), "{other}"));
            for quoted in how.split('`').skip(1).step_by(2) {
                assert!(fields().contains(&quoted), "{quoted}");
            }
        }
    }
}
