//! The names of settings: which there are, which one was meant, and which options of TRL's have no meaning here.

use std::cell::Cell;

use serde::Deserialize;
use serde::de::value::Error as Failed;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use super::Settings;

/// The names of all settings, in the order in which they are declared.
pub fn fields() -> &'static [&'static str] {
    let found = Cell::new(None);
    // serde tells a deserializer the fields of a struct before it asks for any of them.
    let _ = Settings::deserialize(FieldsOf(&found));
    found.get().unwrap_or_default()
}

/// What to say of a name that no setting has.
pub(super) fn advice(name: &str) -> String {
    if let Some(why) = of_trl(name) {
        return format!(", an option of TRL's that is not here: {why}");
    }
    let near = fields()
        .iter()
        .map(|field| (strsim::jaro_winkler(name, field), field))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match near {
        Some((_, near)) => format!(" (did you mean `{near}`?)"),
        None => "; docs/train.md lists all settings".to_owned(),
    }
}

/// Why an option of TRL's `GRPOConfig` is not here, and what does its work.
fn of_trl(name: &str) -> Option<&'static str> {
    let (_, why) = TRL.iter().find(|(known, _)| match known.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *known,
    })?;
    Some(why)
}

/// Options of TRL's by name, or by how a family of them begins.
const TRL: &[(&str, &str)] = &[
    ("report_to", "a run writes metrics.jsonl and TensorBoard's files into its output_dir"),
    ("run_name", "a run is called after its output_dir"),
    ("logging_dir", "a run writes metrics.jsonl and TensorBoard's files into its output_dir"),
    ("logging_strategy", "logging_steps says how often"),
    ("eval_strategy", "eval_steps says how often"),
    ("save_strategy", "save_steps says how often"),
    ("use_vllm", "sampling is gavel's own, and max_num_seqs bounds its memory"),
    ("vllm_*", "sampling is gavel's own, and max_num_seqs bounds its memory"),
    ("use_transformers_paged", "sampling is gavel's own, and max_num_seqs bounds its memory"),
    ("fp16", "models are trained in float32 or, with bf16, in bfloat16 on float32 parameters"),
    ("torch_dtype", "models are trained in float32 or, with bf16, in bfloat16 on float32 parameters"),
    ("model_init_kwargs", "bf16 and save_dtype choose formats"),
    ("gradient_checkpointing_kwargs", "gradient_checkpointing has no parameters"),
    ("optim", "the optimiser is AdamW"),
    ("optim_args", "the optimiser is AdamW"),
    ("lr_scheduler_kwargs", "the schedules have no parameters but warmup_steps and warmup_ratio"),
    ("reward_weights", "the formula of the reward file weighs"),
    ("reward_funcs", "the reward file names what judges"),
    ("max_prompt_length", "prompts are not cut"),
    ("remove_unused_columns", "all columns of a task reach the verifiers"),
    ("dataloader_*", "tasks are read whole before the first step"),
    ("num_completions_to_print", "completions are written to files; see log_completions"),
    ("disable_dropout", "there is no dropout"),
    ("deepspeed", "a run has one process"),
    ("fsdp*", "a run has one process"),
    ("ddp_*", "a run has one process"),
    ("ds3_gather_for_generation", "a run has one process"),
    ("push_to_hub", "a checkpoint is a folder that `hf upload` takes"),
    ("hub_*", "a checkpoint is a folder that `hf upload` takes"),
    ("sync_ref_model", "the reference is the model that the run began with"),
    ("ref_model_*", "the reference is the model that the run began with"),
    ("min_p", "temperature, top_p and top_k say how to sample"),
    ("repetition_penalty", "temperature, top_p and top_k say how to sample"),
    ("generation_kwargs", "temperature, top_p and top_k say how to sample"),
];

/// A deserializer that only listens for the fields of a struct.
struct FieldsOf<'a>(&'a Cell<Option<&'static [&'static str]>>);

impl<'de> Deserializer<'de> for FieldsOf<'_> {
    type Error = Failed;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Failed> {
        Err(Failed::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Failed> {
        self.0.set(Some(fields));
        Err(Failed::custom("that is all"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_what_was_meant_or_to_what_does_its_work() {
        assert!(fields().len() > 50 && fields()[0] == "model");
        assert_eq!(advice("learnig_rate"), " (did you mean `learning_rate`?)");
        assert!(
            advice("vllm_mode").starts_with(", an option of TRL's that is not here: sampling is gavel's own")
        );
        assert_eq!(advice("zzz"), "; docs/train.md lists all settings");
    }

    #[test]
    fn no_setting_is_said_not_to_be_here() {
        assert_eq!(fields().iter().find(|field| of_trl(field).is_some()), None);
    }
}
