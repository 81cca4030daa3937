//! What the host says to the device before it lets it step: who sits in which slot.

use gavel_torch::cuda::{Cuda, CudaError};
use gavel_torch::kernels::sample::{ENDS, SlotSampling};
use tch::{Kind, Tensor};

use super::bucket;
use super::decoder::{SlotTensors, State};
use super::upload::Upload;
use crate::engine::Admission;

/// A row that has no slot.
const NOBODY: i32 = -1;

pub(super) struct Plan {
    /// The slots in use, in the first rows; then [`NOBODY`].
    of_rows: Vec<i32>,
    /// For each slot a [`SlotSampling`].
    sampling: Vec<i32>,
    /// For each slot a line of pages.
    table: Vec<i32>,
    /// Pages of a line.
    pub(super) line: usize,
    used: Vec<bool>,
    /// Whether it changed since it was sent.
    changed: bool,
    upload: Upload,
    /// Rows, sampling and table on the device; always the same memory.
    pub(super) sent: [Tensor; 3],
    /// As many rows, without slots.
    pub(super) idle: Tensor,
}

impl Plan {
    pub(super) fn new(cuda: &Cuda, slots: usize, line: usize) -> Result<Self, CudaError> {
        let of_rows = vec![NOBODY; bucket(slots)];
        let sampling = vec![0; slots * SlotSampling::WORDS];
        let table = vec![0; slots * line];
        let mut upload = Upload::new(cuda, &[of_rows.len(), sampling.len(), table.len()])?;
        let idle = Tensor::full([of_rows.len() as i64], i64::from(NOBODY), (Kind::Int, cuda.device()));
        let sent = send(&mut upload, &of_rows, &sampling, &table, line);
        let used = vec![false; slots];
        Ok(Self { of_rows, sampling, table, line, used, changed: false, upload, sent, idle })
    }

    /// Gives a slot to a sequence, whose tokens are in `pages`.
    pub(super) fn seat(&mut self, slot: usize, admission: &Admission, pages: impl Iterator<Item = i32>) {
        let words = SlotSampling::WORDS;
        self.sampling[slot * words..][..words].copy_from_slice(&sampling_of(admission).words());
        for (place, page) in self.table[slot * self.line..][..self.line].iter_mut().zip(pages) {
            *place = page;
        }
        self.used[slot] = true;
        self.changed = true;
    }

    /// Takes a slot away.
    pub(super) fn leave(&mut self, slot: usize) {
        self.used[slot] = false;
        self.changed = true;
    }

    /// Enqueues the copy, if there is anything new.
    pub(super) fn send(&mut self) {
        if std::mem::take(&mut self.changed) {
            self.of_rows.fill(NOBODY);
            let used = (0..).zip(&self.used).filter_map(|(slot, &used)| used.then_some(slot));
            self.of_rows.iter_mut().zip(used).for_each(|(row, slot)| *row = slot);
            self.sent = send(&mut self.upload, &self.of_rows, &self.sampling, &self.table, self.line);
        }
    }

    /// What was sent, with the device's own state.
    pub(super) fn slots<'a>(&'a self, state: &'a State) -> SlotTensors<'a> {
        SlotTensors { sampling: &self.sent[1], table: &self.sent[2], state }
    }
}

fn send(upload: &mut Upload, of_rows: &[i32], sampling: &[i32], table: &[i32], line: usize) -> [Tensor; 3] {
    let sent = upload.send(&[of_rows, sampling, table]);
    let [of_rows, sampling, table] = <[Tensor; 3]>::try_from(sent).expect("three arrays were sent");
    [of_rows, sampling, table.view([-1, line as i64])]
}

/// A sequence's sampling, as kernels read it.
fn sampling_of(admission: &Admission) -> SlotSampling {
    let sampling = admission.sampling();
    let halves = |number: u64| [number as u32, (number >> 32) as u32];
    let mut ends = [-1; ENDS];
    // Where there are more, the host ends the sequence, some steps later.
    for (end, &token) in ends.iter_mut().zip(&sampling.end_tokens) {
        *end = i32::try_from(token).unwrap_or(-1);
    }
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    SlotSampling {
        prompt: number(admission.request.prompt.len()),
        limit: number(sampling.max_new_tokens),
        seed: halves(sampling.seed),
        stream: halves(admission.stream()),
        inverse_temperature: if sampling.is_greedy() { 0.0 } else { (1.0 / sampling.temperature) as f32 },
        top_k: number(sampling.top_k),
        top_p: sampling.top_p as f32,
        log_min_p: sampling.min_p.ln() as f32,
        ends,
    }
}
