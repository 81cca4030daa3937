//! Plain next-token training from a stream of documents: how the demo's base model is made.

use std::path::Path;
use std::time::Instant;

use gavel_model::{Model, Tokenizer};
use gavel_train::optim::{AdamW, AdamWOptions, LrSchedulerType};
use gavel_train::{Fault, TrainError, write_directory_atomically};
use tch::{Device, Kind, Tensor};

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
    /// Anything that can also happen in training.
    #[error(transparent)]
    Train(#[from] TrainError),
}

impl PretrainError {
    /// Who can do something about it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::NoEndToken | Self::OutOfDocuments => Fault::Input,
            Self::Train(error) => error.fault(),
        }
    }
}

/// Trains `model` on `documents`, each of which ends with the tokenizer's end token, and returns the last report.
///
/// Documents are packed into rows of `sequence_length` tokens. Every row begins with a document, so that the model
/// sees in training what it is given in sampling, a text that begins at position 0; the document at the end of a row
/// is cut, and its rest dropped. The stream must not end before the last step.
///
/// # Errors
///
/// When a document cannot be encoded, the tokenizer has no end token, the stream ends, or training diverges.
pub fn pretrain(
    model: &mut Model,
    tokenizer: &Tokenizer,
    documents: &mut dyn Iterator<Item = String>,
    options: &PretrainOptions,
    progress: &mut dyn FnMut(&PretrainReport),
) -> Result<PretrainReport, PretrainError> {
    let started = Instant::now();
    model.set_requires_grad(true);
    let mut optimizer = AdamW::new(model.parameters(), options.adamw);
    let mut packer = Packer::new(tokenizer, documents)?;
    let mut report = PretrainReport {
        step: 0,
        loss: f64::NAN,
        grad_norm: f64::NAN,
        learning_rate: 0.0,
        num_tokens: 0,
        seconds: 0.0,
    };
    for step in 1..=options.steps {
        let rows = packer.batch(options.batch_size, options.sequence_length + 1, model.device())?;
        let loss = next_token_loss(model, &rows);
        loss.backward();
        let warmup = options.warmup_steps as i64;
        let factor = options.lr_scheduler_type.factor(step as i64 - 1, warmup, options.steps as i64);
        report.step = step;
        report.loss = TrainError::require_finite(step, "loss", loss.double_value(&[]))?;
        report.learning_rate = options.learning_rate * factor;
        report.grad_norm =
            TrainError::require_finite(step, "gradient norm", optimizer.step(report.learning_rate))?;
        model.refresh();
        report.num_tokens += (options.batch_size * options.sequence_length) as u64;
        report.seconds = started.elapsed().as_secs_f64();
        progress(&report);
    }
    Ok(report)
}

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

/// The mean of `−log p(next token)`; `rows` is `(B, T + 1)`.
fn next_token_loss(model: &Model, rows: &Tensor) -> Tensor {
    let columns = rows.size()[1] - 1;
    let logits = model.forward(&rows.narrow(1, 0, columns), None).to_kind(Kind::Float);
    let targets = rows.narrow(1, 1, columns).reshape([-1]);
    logits.reshape([targets.size()[0], -1]).cross_entropy_for_logits(&targets)
}

/// Documents in, rows of equal length out.
struct Packer<'a> {
    tokenizer: &'a Tokenizer,
    documents: &'a mut dyn Iterator<Item = String>,
    end: i64,
}

impl<'a> Packer<'a> {
    fn new(
        tokenizer: &'a Tokenizer,
        documents: &'a mut dyn Iterator<Item = String>,
    ) -> Result<Self, PretrainError> {
        let end = tokenizer.eos_token_id().ok_or(PretrainError::NoEndToken)?;
        Ok(Self { tokenizer, documents, end })
    }

    fn batch(&mut self, rows: usize, columns: usize, device: Device) -> Result<Tensor, PretrainError> {
        let mut tokens = Vec::with_capacity(rows * columns);
        for _ in 0..rows {
            self.row(columns, &mut tokens)?;
        }
        Ok(Tensor::from_slice(&tokens).reshape([rows as i64, columns as i64]).to_device(device))
    }

    fn row(&mut self, columns: usize, tokens: &mut Vec<i64>) -> Result<(), PretrainError> {
        let end = tokens.len() + columns;
        while tokens.len() < end {
            let document = self.documents.next().ok_or(PretrainError::OutOfDocuments)?;
            tokens.extend(self.tokenizer.encode(&document).map_err(TrainError::from)?);
            tokens.push(self.end);
        }
        tokens.truncate(end);
        Ok(())
    }
}
