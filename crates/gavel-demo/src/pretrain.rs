//! Plain next-token training from a stream of documents: how the base models of the demos are made. It can be stopped, and
//! goes on where it was.

mod batches;
mod checkpoint;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use gavel_model::{Balance, Group, Model, Tokenizer};
use gavel_train::optim::{AdamW, AdamWOptions, LrSchedulerType};
use gavel_train::{Fault, TrainError, write_directory_atomically};
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use batches::{Batch, Packer};

/// How to pre-train.
#[derive(Debug, Clone, PartialEq)]
pub struct PretrainOptions {
    /// Updates.
    pub steps: u64,
    /// Rows per update.
    pub batch_size: usize,
    /// Tokens per row.
    pub sequence_length: usize,
    /// At the top of its schedule.
    pub learning_rate: f64,
    /// How the learning rate changes.
    pub lr_scheduler_type: LrSchedulerType,
    /// Updates of warm-up.
    pub warmup_steps: u64,
    /// AdamW's constants and the gradient's clip.
    pub adamw: AdamWOptions,
}

impl Default for PretrainOptions {
    fn default() -> Self {
        Self {
            steps: 3000,
            batch_size: 64,
            sequence_length: 256,
            learning_rate: 1e-3,
            lr_scheduler_type: LrSchedulerType::Cosine,
            warmup_steps: 100,
            adamw: AdamWOptions {
                beta1: 0.9,
                beta2: 0.95,
                epsilon: 1e-8,
                weight_decay: 0.1,
                max_grad_norm: 1.0,
            },
        }
    }
}

/// One update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PretrainReport {
    /// From 1.
    pub step: u64,
    /// Mean cross-entropy per token, in nats.
    pub loss: f64,
    /// Before clipping.
    pub grad_norm: f64,
    /// Of this update.
    pub learning_rate: f64,
    /// How tokens were spread over experts, where the model has any.
    pub expert_load: Option<Balance>,
    /// Tokens learnt from so far.
    pub num_tokens: u64,
    /// Time so far.
    pub seconds: f64,
}

/// Why a model could not be pre-trained.
#[derive(Debug, thiserror::Error)]
pub enum PretrainError {
    /// It has to be known how a document ends.
    #[error("the tokenizer names no end token")]
    NoEndToken,
    /// The stream of documents ended before the last step.
    #[error("there are not enough documents for so many steps")]
    OutOfDocuments,
    /// What is to be gone on with was begun in another way.
    #[error("{} was begun with {before}, and is to go on with {now}: say the same again, or remove it", path.display())]
    OtherRecipe {
        /// The checkpoint.
        path: PathBuf,
        /// How it was begun.
        before: String,
        /// How it is to go on.
        now: String,
    },
    /// Anything that can also happen in training.
    #[error(transparent)]
    Train(#[from] TrainError),
}

impl PretrainError {
    /// Who can do something about it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoEndToken | Self::OutOfDocuments | Self::OtherRecipe { .. } => Fault::Input,
            Self::Train(error) => error.fault(),
        }
    }
}

/// A model that is being trained, and how far it is.
#[derive(Debug)]
pub struct Pretraining {
    model: Model,
    optimizer: AdamW,
    options: PretrainOptions,
    state: State,
}

/// How far pre-training is. What is drawn at random follows from the number of documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct State {
    step: u64,
    /// Documents read, the last of a row included, which is cut.
    documents: u64,
    num_tokens: u64,
    seconds: f64,
}

impl Pretraining {
    /// Of a model that nothing has been done to.
    pub fn new(mut model: Model, options: PretrainOptions) -> Self {
        model.set_requires_grad(true);
        let optimizer = AdamW::new(model.parameters(), options.adamw);
        Self { model, optimizer, options, state: State::default() }
    }

    /// Trains on `documents`, each of which ends with the tokenizer's end token, until the last step is made or `progress`
    /// breaks it off, and returns the last report. The stream is the same as that of the beginning, from its beginning,
    /// where this is gone on with.
    ///
    /// Documents are packed into rows of `sequence_length` tokens. Every row begins with a document, so that the model
    /// sees in training what it is given in sampling, a text that begins at position 0; the document at the end of a row
    /// is cut, and its rest dropped. The stream must not end before the last step.
    ///
    /// # Errors
    ///
    /// When a document cannot be encoded, the tokenizer has no end token, the stream ends, or training diverges.
    pub fn run(
        &mut self,
        tokenizer: &Tokenizer,
        documents: &mut (dyn Iterator<Item = String> + Send),
        progress: &mut dyn FnMut(&PretrainReport) -> ControlFlow<()>,
    ) -> Result<PretrainReport, PretrainError> {
        let (started, before) = (Instant::now(), self.state.seconds);
        let mut packer = Packer::new(tokenizer, documents, &self.options, self.state.documents)?;
        let mut report = self.report();
        // Text is made and encoded while the device computes.
        thread::scope(|scope| {
            let (sender, batches) = std::sync::mpsc::sync_channel(4);
            let left = self.options.steps.saturating_sub(self.state.step);
            scope.spawn(move || {
                for _ in 0..left {
                    let batch = packer.batch();
                    let is_last = batch.is_err();
                    // Nobody listens any more once training has ended.
                    if sender.send(batch).is_err() || is_last {
                        break;
                    }
                }
            });
            for batch in batches {
                self.step(&batch?, &mut report)?;
                self.state.seconds = before + started.elapsed().as_secs_f64();
                report.seconds = self.state.seconds;
                if progress(&report).is_break() {
                    break;
                }
            }
            Ok(report)
        })
    }

    /// Whether every step has been made.
    pub fn is_finished(&self) -> bool {
        self.state.step >= self.options.steps
    }

    /// The model as it is now.
    pub fn model(&self) -> &Model {
        &self.model
    }

    fn step(&mut self, batch: &Batch, report: &mut PretrainReport) -> Result<(), PretrainError> {
        let (step, warmup) = (self.state.step + 1, self.options.warmup_steps as i64);
        let loss = self.backward(batch);
        let factor =
            self.options.lr_scheduler_type.factor(step as i64 - 1, warmup, self.options.steps as i64);
        report.step = step;
        report.loss = TrainError::require_finite(step, "loss", loss)?;
        report.learning_rate = self.options.learning_rate * factor;
        let norm = self.optimizer.step(report.learning_rate);
        report.grad_norm = TrainError::require_finite(step, "gradient norm", norm)?;
        self.model.refresh();
        let load = self.model.take_expert_load();
        self.model.move_router_biases(&load, ROUTER_BIAS_UPDATE_RATE);
        report.expert_load = Balance::of(&load);
        self.state.step = step;
        self.state.documents = batch.documents;
        self.state.num_tokens += (batch.rows.len() * self.options.sequence_length) as u64;
        report.num_tokens = self.state.num_tokens;
        Ok(())
    }

    /// Adds the gradient of the mean of `−log p(next token)` to those of the parameters, and gives the mean. The rows go
    /// through the model as the prompts and completions of training do, a few at a time.
    fn backward(&self, batch: &Batch) -> f64 {
        let count = (batch.rows.len() * self.options.sequence_length) as f64;
        let mut sum = Tensor::from(0.0_f32).to_device(self.model.device());
        let rows_at_a_time = (TOKENS_AT_A_TIME / self.options.sequence_length).max(1);
        for rows in batch.rows.chunks(rows_at_a_time) {
            let groups: Vec<Group<'_>> =
                rows.iter().map(|row| Group { prompt: &row[..1], completions: vec![&row[1..]] }).collect();
            let mut packed = self.model.pack(&groups);
            let share = packed.predicted_tokens() as f64 / count;
            packed.set_router_aux_loss(self.model.config().router_aux_loss_coef * share);
            let whole = 0..packed.predicted_tokens() as i64;
            self.model.backward(&packed, 1.0, false, std::slice::from_ref(&whole), &mut |_, now| {
                sum += now.log_probs.sum(Kind::Float);
                let log_probs = now.log_probs.full_like(-1.0 / count);
                gavel_model::ByTokens { log_probs, entropy: None }
            });
        }
        -sum.double_value(&[]) / count
    }

    fn report(&self) -> PretrainReport {
        PretrainReport {
            step: self.state.step,
            loss: f64::NAN,
            grad_norm: f64::NAN,
            learning_rate: 0.0,
            expert_load: None,
            num_tokens: self.state.num_tokens,
            seconds: self.state.seconds,
        }
    }
}

/// How many tokens go through the model together, which bounds memory.
const TOKENS_AT_A_TIME: usize = 32_768;

/// By what the corrections of experts' scores move after an update, as in DeepSeek-V3 (2412.19437, §4.2).
const ROUTER_BIAS_UPDATE_RATE: f64 = 1e-3;

/// Writes a model and its tokenizer as a Hugging Face directory, at once or not at all.
///
/// # Errors
///
/// When a file cannot be written.
pub fn save(model: &Model, tokenizer: &Tokenizer, directory: &Path) -> Result<(), TrainError> {
    write_directory_atomically(directory, |directory| {
        model.save(directory)?;
        Ok(tokenizer.save(directory)?)
    })
}
