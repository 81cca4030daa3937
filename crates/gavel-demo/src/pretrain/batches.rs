//! Documents in, batches of rows of equal length out.

use gavel_model::Tokenizer;
use gavel_train::TrainError;

use super::{PretrainError, PretrainOptions};

/// What one update learns from.
pub(super) struct Batch {
    /// Each has a token more than what is predicted of it.
    pub(super) rows: Vec<Vec<i64>>,
    /// Documents read so far.
    pub(super) documents: u64,
}

/// Packs documents into rows.
pub(super) struct Packer<'a> {
    tokenizer: &'a Tokenizer,
    documents: &'a mut (dyn Iterator<Item = String> + Send),
    end: i64,
    rows: usize,
    columns: usize,
    read: u64,
}

impl<'a> Packer<'a> {
    /// Goes over the documents that were read before.
    pub(super) fn new(
        tokenizer: &'a Tokenizer,
        documents: &'a mut (dyn Iterator<Item = String> + Send),
        options: &PretrainOptions,
        read: u64,
    ) -> Result<Self, PretrainError> {
        let end = tokenizer.eos_token_id().ok_or(PretrainError::NoEndToken)?;
        for _ in 0..read {
            documents.next().ok_or(PretrainError::OutOfDocuments)?;
        }
        let (rows, columns) = (options.batch_size, options.sequence_length + 1);
        Ok(Self { tokenizer, documents, end, rows, columns, read })
    }

    pub(super) fn batch(&mut self) -> Result<Batch, PretrainError> {
        let rows = (0..self.rows).map(|_| self.row()).collect::<Result<_, _>>()?;
        Ok(Batch { rows, documents: self.read })
    }

    fn row(&mut self) -> Result<Vec<i64>, PretrainError> {
        let mut tokens = Vec::with_capacity(self.columns);
        while tokens.len() < self.columns {
            let document = self.documents.next().ok_or(PretrainError::OutOfDocuments)?;
            self.read += 1;
            tokens.extend(self.tokenizer.encode(&document).map_err(TrainError::from)?);
            tokens.push(self.end);
        }
        tokens.truncate(self.columns);
        Ok(tokens)
    }
}
