//! The settings of a run: `train.toml` with TRL's names, overridden from the command line, checked once.

mod changes;
mod defaults;
mod derived;
mod dotted;
mod effect;
mod error;
mod names;
mod rules;
mod source;
mod words;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use gavel_model::{NaiveDate, SaveDtype};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::TrainError;
use crate::grpo::{
    AdvEstimator, GroupFilter, ImportanceSamplingLevel, KlEstimator, LossType, MultiObjectiveAggregation,
    ScaleRewards, Surrogate,
};
use crate::learn::OldLogProbs;
use crate::optim::LrSchedulerType;
use crate::task::TaskFiles;
use crate::watch::WatchOptions;

pub(crate) use changes::{Change, changes};
pub use effect::read_only;
pub use error::{Place, SettingsError};
pub use names::fields;
use source::Source;

/// Everything that a run depends on besides its reward. Where TRL's `GRPOConfig` has the option, it has TRL's name,
/// meaning and default, unless its text says otherwise.
///
/// Relative paths in a file are relative to the file's folder, those of an override to the working directory; after
/// loading they are absolute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    // === What is trained, on what, to where ===
    /// A Hugging Face model directory, or a model on the hub: `hf://OWNER/NAME`, and `@REVISION` behind it. Required.
    pub model: PathBuf,
    /// The task files to train on: JSON Lines, a list in JSON, Parquet or a table, as it is or compressed; a folder of them, a
    /// pattern such as `data/*.parquet`, a data set on the hub (`hf://datasets/OWNER/NAME?split=train`), or a list of these, read in that order. Required.
    pub tasks: TaskFiles,
    /// The task files to evaluate on, named as `tasks` are; without them nothing is evaluated.
    pub eval_tasks: Option<TaskFiles>,
    /// The reward file. The trainer itself does not read it.
    pub reward: Option<PathBuf>,
    /// Whether the reward may change while the run goes on: `never`, or `between-steps`. Not in TRL.
    pub reload: Reload,
    /// The run directory. Required.
    pub output_dir: PathBuf,
    /// The column of a task that holds its prompt; with dots, a place within objects. Not in TRL.
    pub prompt_column: String,
    /// The column of a task that holds its problem. Where it is named and `prompt_column` is not, a `prompt` is not looked
    /// for. Not in TRL.
    pub problem_column: String,
    /// The column of a task that holds its reference, such as `answer` or `reward_model.ground_truth`. Not in TRL.
    pub reference_column: String,
    /// The column of a task whose entries are columns too, where it is an object, such as `extra_info`. Not in TRL.
    pub metadata_column: String,
    /// Columns of a task that verifiers are not given. Not in TRL.
    pub leave_out_columns: Vec<String>,
    /// What surrounds a task's `problem`: `r1-zero`, `chat` (the model's chat template), `none`, or a text with
    /// `{problem}` in it. A `prompt` that is a list of messages goes through the chat template whatever this says.
    pub template: String,
    /// The first message of every conversation that has no system message. Not in TRL.
    pub system_prompt: Option<String>,
    /// Variables of the chat template, such as `enable_thinking`.
    pub chat_template_kwargs: Map<String, Value>,
    /// The date, as `2026-11-30`, that a chat template gets where it asks for today's. By default it gets none, so that a
    /// prompt does not depend on the day of the run. Not in TRL.
    pub chat_date: Option<NaiveDate>,
    /// `auto` (CUDA where there is one), `cpu`, `cuda`, or `cuda:1`.
    pub device: String,
    /// Compute in bfloat16 on float32 parameters. By default on CUDA and not on a CPU.
    pub bf16: Option<bool>,

    // === LoRA ===
    /// Train adapters of this rank beside the linear layers of the model's blocks, which stay as they are; by default, all
    /// parameters are trained. TRL's `ModelConfig`, which has them on with `use_peft`, and 16.
    pub lora_r: Option<usize>,
    /// What an adapter adds is multiplied by this, and divided by `lora_r`. TRL's `ModelConfig`.
    pub lora_alpha: f64,
    /// The layers that get an adapter, by the last part of their names, such as `q_proj`; by default all that every token goes
    /// through. TRL's `ModelConfig`, where PEFT chooses a few.
    pub lora_target_modules: Vec<String>,
    /// Divide by the root of `lora_r` in its place. TRL's `ModelConfig`.
    pub use_rslora: bool,

    // === Sampling ===
    /// G: completions per prompt.
    pub num_generations: usize,
    /// In tokens.
    pub max_completion_length: usize,
    /// Logits are divided by it, in sampling and in the loss.
    pub temperature: f64,
    /// Sample among the fewest tokens with at least this probability; 1 is all.
    pub top_p: f64,
    /// Sample among this many of the most likely tokens; 0 is all.
    pub top_k: usize,
    /// Sample among tokens at least this many times as likely as the likeliest; 0 is all.
    pub min_p: f64,
    /// A completion ends when it contains one of these. Not in TRL.
    pub stop: Vec<String>,

    // === Batches ===
    /// Completions per micro-batch. What one optimiser step learns from is this times
    /// `gradient_accumulation_steps` and the number of processes; how it is split between the three changes memory and
    /// speed, never the loss.
    pub per_device_train_batch_size: usize,
    /// Micro-batches per optimiser step.
    pub gradient_accumulation_steps: usize,
    /// How many processes train together: said by what starts them (`WORLD_SIZE`), and not by a settings file. Not in
    /// TRL; Accelerate's.
    pub num_processes: Option<usize>,
    /// Seconds within which every process has to come to what they do together, which they do when sampling, scoring and
    /// learning are done: the slowest reward counts. TRL's `TrainingArguments`.
    pub ddp_timeout: u64,
    /// With 1, each process has the moments of its share of the parameters alone, and updates those: 8 bytes of each
    /// parameter are divided among the processes, and what they exchange grows by a half. The weights are the same. Not in
    /// TRL; DeepSpeed's ZeRO, of which 2 and 3 are not there.
    pub zero_stage: u8,
    /// At most this many tokens per micro-batch, which bounds memory: one that would have more is split. Prompts are
    /// counted once for the completions that share them. Not in TRL; verl's `ppo_max_token_len_per_gpu`.
    pub max_tokens_per_micro_batch: usize,
    /// Keep the input of each block alone, and compute the block again for the backward pass: less memory, a quarter
    /// slower. TRL: true.
    pub gradient_checkpointing: bool,
    /// Micro-batches sampled at a time; `gradient_accumulation_steps` by default. With fewer, an optimiser step learns
    /// from several rollouts of the same policy.
    pub steps_per_generation: Option<usize>,
    /// Completions sampled at a time: another way to say `steps_per_generation`.
    pub generation_batch_size: Option<usize>,
    /// At most this many sequences are sampled at a time, which bounds memory; all by default. The completions are the
    /// same. As in vLLM and verl.
    pub max_num_seqs: Option<usize>,
    /// Sample the completions of a step this many steps before it is learnt from, so that slow rewards are waited for
    /// meanwhile; the policy has made as many steps since then. Not in TRL; 1 is verl's `one_step_off_policy`.
    pub rollout_ahead: u64,
    /// Learn from groups whose rewards differ alone: as long as the batch is not full of them, sample other prompts. DAPO's
    /// dynamic sampling. Not in TRL; verl's `filter_groups.enable`.
    pub filter_groups: bool,
    /// What has to differ within a group for `filter_groups`: what this verifier gives; by default, the whole reward. Not in
    /// TRL; verl's `filter_groups.metric`.
    pub filter_groups_metric: Option<String>,
    /// With `filter_groups`, learn from a group only where at least this share of its completions earns 1 or more, so that a
    /// task waits until the policy sometimes solves it. Not in TRL or verl; the like of OpenRLHF's
    /// `dynamic_filtering_reward_range`.
    pub min_pass_rate: f64,
    /// With `filter_groups`, learn from a group only where at most this share of its completions earns 1 or more.
    pub max_pass_rate: f64,
    /// Sample at most this often for one step; what is still missing then is filled up with groups that teach nothing. Not in
    /// TRL; verl's `filter_groups.max_num_gen_batches`.
    pub max_num_gen_batches: usize,
    /// Take the tasks in an order of the seed's, another for every epoch.
    pub shuffle_dataset: bool,

    // === Objective ===
    /// How many times each batch of completions is learnt from.
    pub num_iterations: usize,
    /// Whose log-probabilities the ratio compares with where several updates learn from one batch, or from one that was
    /// sampled ahead: `sampler` takes those with which the tokens were drawn, `trainer` computes them by a forward pass. Not in TRL, which computes them.
    pub old_log_probs: OldLogProbs,
    /// β, the weight of the KL divergence from the model that the run started with; 0 needs no reference model.
    pub beta: f64,
    /// Multiply the KL term by the probability ratio.
    pub use_bias_correction_kl: bool,
    /// ε: probability ratios are clipped from below at 1 − ε.
    pub epsilon: f64,
    /// Probability ratios are clipped from above at 1 + this; `epsilon` by default.
    pub epsilon_high: Option<f64>,
    /// An upper bound of the probability ratio where the advantage is negative.
    pub delta: Option<f64>,
    /// `grpo`, `dr_grpo`, `dapo`, `bnpo`, `cispo`, `sapo`, `luspo` or `vespo`. [grpo.md](grpo.md#objectives) says what each is.
    pub loss_type: LossType,
    /// The loss of a token, where it is to be another than that of `loss_type`: `clip`, `cispo`, `cispo_two_sided`, `sapo`,
    /// `vespo`, `gmpo`, `dppo_tv`, `dppo_kl`, `gpg`, `clip_cov` or `kl_cov`. Not in TRL; verl's `loss_mode`.
    pub surrogate: Option<Surrogate>,
    /// What a reward is compared with: `grpo`, `rloo`, `reinforce_plus_plus`, `reinforce_plus_plus_baseline`, `opo`,
    /// `max_rl` or `grpo_passk`; with `remax`, the likeliest completion of the prompt, which is sampled beside the others;
    /// with `gae`, what a value model expects of each token, which is PPO. Not in TRL's `GRPOConfig`; verl's.
    pub adv_estimator: AdvEstimator,
    /// `sum_then_normalize` compares rewards. `normalize_then_sum` is GDPO: each part of a reward is compared within the
    /// group, and the sum of that within the step, so that no part drowns the others. The parts are the
    /// `[reward.components]` of the reward file with their weights, unless `reward_weights` names others.
    pub multi_objective_aggregation: MultiObjectiveAggregation,
    /// Have `normalize_then_sum` compare what these verifiers give, each with its weight: `{ accuracy = 1.0, format = 0.2 }`.
    /// TRL has a list, in the order of its functions, and uses it for both sums.
    pub reward_weights: BTreeMap<String, f64>,
    /// GFPO: compare so many completions of each group with one another, and learn from them alone. Those that
    /// `group_filter_func` ranks first. TRL's `GFPOConfig`.
    pub num_remains_in_group: Option<usize>,
    /// What completions remain in their group by: `length`, the shortest, or `token_efficiency`, those of the highest
    /// reward for each token. TRL's `GFPOTrainer` takes a function.
    pub group_filter_func: GroupFilter,
    /// γ of `gae`: what a reward is worth a token earlier. TRL's `PPOConfig`.
    pub gamma: f64,
    /// λ of `gae`: 1 compares with the value alone, 0 with the next value. TRL's `PPOConfig`; verl: 1.
    pub lam: f64,
    /// A value of `gae` that has moved by more than this since the step began is asked for no more. TRL's `PPOConfig`; verl:
    /// 0.5.
    pub cliprange_value: f64,
    /// The learning rate of the value model of `gae`, at the top of its schedule; `learning_rate` by default. Not in TRL;
    /// verl's `critic.optim.lr`.
    pub value_learning_rate: Option<f64>,
    /// The temperature of `sapo` for completions that are better than their group.
    pub sapo_temperature_pos: f64,
    /// The temperature of `sapo` for all others.
    pub sapo_temperature_neg: f64,
    /// The power of the ratio in `vespo`, for completions that are not worse than their group.
    pub vespo_k_pos: f64,
    /// The decay of the ratio in `vespo`, for completions that are not worse than their group.
    pub vespo_lambda_pos: f64,
    /// The power of the ratio in `vespo`, for all others.
    pub vespo_k_neg: f64,
    /// The decay of the ratio in `vespo`, for all others.
    pub vespo_lambda_neg: f64,
    /// The most tokens that `clip_cov` leaves out, as a share of all that an update learns from, drawn at random. Not in
    /// TRL; verl's.
    pub clip_cov_ratio: f64,
    /// `clip_cov` leaves out tokens whose covariance of log-probability and advantage is above this. Not in TRL; verl's.
    pub clip_cov_lb: f64,
    /// `clip_cov` leaves out tokens whose covariance of log-probability and advantage is below this. Not in TRL; verl's.
    pub clip_cov_ub: f64,
    /// The share of tokens that `kl_cov` penalises: those of the highest covariances. Not in TRL; verl's.
    pub kl_cov_ratio: f64,
    /// What `kl_cov` adds to the loss of such a token for each nat that its log-probability has moved. Not in TRL; verl's.
    pub ppo_kl_coef: f64,
    /// Leave out completions that are worse than their group, and whose tokens have become less likely by more than this in
    /// the mean of their logarithms. They cost a pass all the same.
    pub off_policy_mask_threshold: Option<f64>,
    /// Lower the loss by this much for each nat of the tokens' mean entropy, so that the policy keeps exploring. A mean
    /// over tokens whatever `loss_type` is; below 0, entropy is what costs.
    pub entropy_coef: f64,
    /// Learn from this share of tokens alone, those at which the policy is least sure what to write: the highest
    /// entropies of all that an update learns from. Costs a forward pass for each update. 1 is all, and 0.2 the authors'.
    pub top_entropy_quantile: f64,
    /// `token` or `sequence`.
    pub importance_sampling_level: ImportanceSamplingLevel,
    /// `group`, `batch` or `none`; `true` is `group` and `false` is `none`.
    pub scale_rewards: ScaleRewards,
    /// Leave completions that reached `max_completion_length` out of the loss. They count in the baseline of their
    /// group all the same, as in TRL, unless `truncated_in_baseline` is false.
    pub mask_truncated_completions: bool,
    /// Whether completions that `mask_truncated_completions` leaves out of the loss count in the mean and deviation of
    /// their group. Not in TRL, where they do.
    pub truncated_in_baseline: bool,
    /// How the KL divergence is estimated: `k1`, `k2`, `k3` or `abs`; with the value of `k1` or `k3` and the gradient of `k2`
    /// as `k1+` and `k3+`. TRL: `k3`; verl's `kl_loss_type`.
    pub kl_estimator: KlEstimator,
    /// Clamp the log-ratio of the KL term to ±20 and the term to ±10, as verl does: one token that the reference thinks
    /// impossible does not outweigh the batch. Not in TRL.
    pub kl_clamp: bool,

    /// α, the weight of the loss that evens out the load of experts, of models whose experts a softmax chooses; by default what
    /// `config.json` says, or its family. It is that of each micro-batch by itself.
    pub router_aux_loss_coef: Option<f64>,

    // === Optimiser ===
    /// The learning rate at the top of its schedule.
    pub learning_rate: f64,
    /// `constant`, `constant_with_warmup`, `linear` or `cosine`.
    pub lr_scheduler_type: LrSchedulerType,
    /// Updates of warm-up; wins over `warmup_ratio`.
    pub warmup_steps: usize,
    /// Warm-up as a share of all updates.
    pub warmup_ratio: f64,
    /// AdamW's β₁.
    pub adam_beta1: f64,
    /// AdamW's β₂.
    pub adam_beta2: f64,
    /// AdamW's ε.
    pub adam_epsilon: f64,
    /// AdamW's λ.
    pub weight_decay: f64,
    /// The norm to which gradients are clipped; 0 does not clip.
    pub max_grad_norm: f64,
    /// After every update, what is added to the scores of a DeepSeek-V3's experts where they are chosen moves by this: up for
    /// experts with fewer tokens than the mean of their layer, down for those with more. With `lora_r` it stays. Not in TRL;
    /// Megatron's.
    pub moe_router_bias_update_rate: f64,
    /// Leave out, and count in `skipped_updates`, updates whose loss or gradient is not finite, as verl does; without
    /// it, the first one ends the run. Not in TRL.
    pub skip_nonfinite_updates: bool,

    // === Length of the run, records ===
    /// Steps, at least 1; −1 leaves it to `num_train_epochs`. A step is one batch of completions with all that is learnt from
    /// it, which is TRL's step unless `num_iterations` or `steps_per_generation` make several updates of it.
    pub max_steps: i64,
    /// How often every task is used, when `max_steps` is −1.
    pub num_train_epochs: f64,
    /// Determines everything random.
    pub seed: u64,
    /// Steps per row of metrics, which holds means over them, and the sums of counts. TRL: 10.
    pub logging_steps: usize,
    /// Write the completions of every logged step. TRL: false.
    pub log_completions: bool,
    /// Bytes that the completions of training may take on disk, and as much those of evaluations: the files of the
    /// earliest steps make room for later ones. Not in TRL.
    pub log_completions_max_bytes: u64,
    /// Steps per checkpoint; there always is one after the last step.
    pub save_steps: usize,
    /// Keep this many checkpoints, the latest; all by default.
    pub save_total_limit: Option<usize>,
    /// The format of saved weights: `auto` (that of `model`), `float32` or `bfloat16`. Training goes on in float32
    /// whatever it is. Not in TRL.
    pub save_dtype: SaveDtype,

    // === Evaluation (on `eval_tasks`; always after the last step) ===
    /// Steps per evaluation; by default only after the last.
    pub eval_steps: Option<usize>,
    /// Evaluate before the first step.
    pub eval_on_start: bool,
    /// k: completions per task in evaluation. TRL: `num_generations`.
    pub num_generations_eval: usize,
    /// The temperature of evaluation; 0 takes the most likely token. TRL: `temperature`.
    pub eval_temperature: f64,
    /// The `top_p` of evaluation.
    pub eval_top_p: f64,
    /// The `top_k` of evaluation.
    pub eval_top_k: usize,
    /// The `min_p` of evaluation.
    pub eval_min_p: f64,
    /// Evaluate on this many tasks, the first ones; on all by default.
    pub eval_limit: Option<usize>,
    /// A completion is right when this verifier gives it at least 1; by default, when its whole reward is at
    /// least 1.
    pub eval_correct: Option<String>,
    /// Completions that a process samples at a time in evaluation.
    pub per_device_eval_batch_size: usize,

    // === Watching a run ===
    /// `[watch]`: what is watched besides the reward, and when a warning is due; nothing by default. See
    /// [below](#watching-a-run). Not in TRL.
    pub watch: Option<WatchOptions>,

    /// Of each setting that named something on a hub, those names with their commits; not written in a file.
    #[serde(skip)]
    pub hub: BTreeMap<String, Vec<String>>,
}

/// When a change of the reward file, its plugins and their like takes effect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reload {
    /// Never: a run is judged to its end by what it began with.
    #[default]
    Never,
    /// Before the next step. What cannot be loaded is refused, and what judged before goes on. `digests.jsonl` in the
    /// run directory says what judged from which step on.
    BetweenSteps,
}

impl Settings {
    /// Reads a settings file, with overrides as `(field, value)` on top. A value is TOML; text that is not is taken
    /// as a string, so that `output_dir=runs/one` needs no quotes. A field with dots is an entry of a table, such as
    /// `chat_template_kwargs.enable_thinking`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or a setting cannot be used; the error names file, line and field.
    pub fn load(path: &Path, overrides: &[(String, String)]) -> Result<Self, SettingsError> {
        let read_error = |source| SettingsError::Read { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(read_error)?;
        // Some editors put a mark before a text.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let overrides = dotted::whole(text, overrides);
        let source = Source::new(path, text, &overrides)?;
        if let Some(field) = source.unknown_field() {
            let (place, advice) = (source.place(field), names::advice(field));
            return Err(SettingsError::Unknown { place, field: field.to_owned(), advice });
        }
        let mut settings: Self = toml::from_str(&source.text).map_err(|error| source.parse_error(&error))?;
        settings.resolve_paths(&source).map_err(read_error)?;
        match settings.problem() {
            Some((field, problem)) => {
                Err(SettingsError::Invalid { place: source.place(field), field, problem })
            }
            None => Ok(settings),
        }
    }

    /// Whether the settings can be used, for those that were not loaded from a file.
    ///
    /// # Errors
    ///
    /// [`TrainError::Setting`], which names the field.
    pub fn check(&self) -> Result<(), TrainError> {
        self.problem().map_or(Ok(()), |(field, problem)| Err(TrainError::Setting { field, problem }))
    }

    /// The settings as a TOML file that [`Settings::load`] reads back to the same settings.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("settings are numbers, strings and lists of strings")
    }

    /// Notes what settings named on a hub, by setting, with commits: for the record of a run.
    pub fn set_hub_names(&mut self, names: BTreeMap<String, Vec<String>>) {
        self.hub = names;
    }

    fn resolve_paths(&mut self, source: &Source<'_>) -> io::Result<()> {
        let folder = source.path.parent().unwrap_or(Path::new(""));
        let mut paths = vec![("model", &mut self.model), ("output_dir", &mut self.output_dir)];
        paths.extend(self.reward.as_mut().map(|reward| ("reward", reward)));
        paths.extend(self.tasks.names_mut().iter_mut().map(|name| ("tasks", name)));
        if let Some(files) = &mut self.eval_tasks {
            paths.extend(files.names_mut().iter_mut().map(|name| ("eval_tasks", name)));
        }
        for (field, path) in paths {
            if path.as_os_str().is_empty() || is_on_hub(path) {
                continue;
            }
            let path_from = if source.is_overridden(field) { path.clone() } else { folder.join(&*path) };
            *path = std::path::absolute(path_from)?;
        }
        Ok(())
    }
}

/// Whether a name means what lies on a hub, and not a path. Whoever loads settings makes paths of such names.
fn is_on_hub(name: &Path) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("hf://"))
}

#[cfg(test)]
mod tests;
