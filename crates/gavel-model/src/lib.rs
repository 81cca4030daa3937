//! Decoder-only language models on tch, of the families that people train: Hugging Face directories, tokenizer, generation.
//!
//! ```no_run
//! use gavel_model::{Model, Precision, Sampling, StopStrings, Tokenizer};
//!
//! # fn main() -> Result<(), gavel_model::Error> {
//! let directory = std::path::Path::new("Qwen2.5-0.5B");
//! let model = Model::load(directory, tch::Device::Cpu, Precision::FULL)?;
//! let tokenizer = Tokenizer::load(directory)?;
//!
//! let prompts = [tokenizer.encode("2 + 2 =")?];
//! let sampling = Sampling { max_new_tokens: 16, end_tokens: model.config().eos_token_ids.clone(), ..Sampling::default() };
//! let stop = StopStrings::new(&tokenizer, &["\n"])?;
//! let completions = model.generate(&prompts, &sampling, &stop, |_, _| {})?;
//! println!("{}", tokenizer.decode(&completions[0].tokens)?);
//! # Ok(())
//! # }
//! ```

mod attention;
mod chat;
mod checkpoint;
mod config;
mod decoder;
mod engine;
mod error;
mod families;
mod generation_config;
mod gguf;
mod layers;
mod load;
mod log_probs;
mod lora;
mod memory;
mod model;
mod network;
mod packed;
mod rope;
mod tokenizer;
mod value;
mod weights;

pub use chat::{ChatOptions, ChatTemplate};
pub use checkpoint::{SaveDtype, model_files};
/// A day, for [`ChatTemplate::with_date`].
pub use chrono::NaiveDate;
pub use config::{Architecture, Config, LatentAttention, SigmoidRouting};
pub use engine::{
    Completion, Engine, Finish, Finished, NeverStop, NotFinite, Request, Room, Sampling, Stop, StopStrings,
};
pub use error::Error;
pub use generation_config::GenerationConfig;
pub use gguf::{Imported, import_gguf};
pub use load::{Balance, add_expert_loads};
pub use log_probs::{ByTokens, TokenLogProbs};
pub use lora::{AdapterCounts, LoraOptions, UnknownModule, is_adapter, merge_adapter};
pub use memory::{LearningMemory, ParameterCounts, SamplingMemory, bytes_of};
pub use model::{Model, Precision};
pub use packed::{Group, Packed};
pub use rope::RopeScaling;
pub use tokenizer::Tokenizer;
pub use value::ValueModel;
