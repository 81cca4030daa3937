//! Where all protocols come together: submissions are judged on the workspace's threads, where there is room for them,
//! until they are done, their time is up, or nobody waits for them any more.

use std::sync::{Arc, Mutex, PoisonError};

use gavel_reward::{Client, Terms};
use gavel_verify::{Cancel, Reply, Reward as _, Score, Submission};
use gavel_wire::{GroupKey, grouped};
use tokio::sync::oneshot;

use crate::app::{App, Chosen};
use crate::error::ApiError;

/// Judges all of them, or refuses all of them. When the future is dropped, what is left of the work ends. Where the reward
/// compares completions, those of the same task are a group.
pub(crate) async fn judge(
    app: &App,
    chosen: &Chosen,
    submissions: Vec<Submission>,
    client: Client,
) -> Result<Vec<Score>, ApiError> {
    let needs_groups = chosen.reward.needs_groups();
    let keys = submissions.iter().filter(|_| needs_groups).map(GroupKey::of_task).collect();
    judge_groups(app, chosen, (submissions, keys), client).await
}

/// As [`judge`], with what tells groups apart, for each where the reward needs them.
pub(crate) async fn judge_groups(
    app: &App,
    chosen: &Chosen,
    (submissions, keys): (Vec<Submission>, Vec<GroupKey>),
    client: Client,
) -> Result<Vec<Score>, ApiError> {
    let (count, limit) = (submissions.len(), app.options.max_submissions);
    if count > limit {
        return Err(ApiError::TooManySubmissions { count, limit });
    }
    if count == 0 {
        return Ok(Vec::new());
    }
    let cancel = Cancel::after(chosen.time);
    let _ends = CancelOnDrop(cancel.clone());
    let scores = submit(chosen, submissions, &keys, &Terms { client, cancel: cancel.clone() })?;
    let scores = scores.await.map_err(|_| ApiError::Internal("a score was lost".to_owned()))?;
    let scores: Option<Vec<Score>> = scores.into_iter().collect();
    let scores = scores.ok_or_else(|| ApiError::Internal("a score was lost".to_owned()))?;
    if cancel.is_set() {
        return Err(ApiError::Deadline { seconds: chosen.time.as_secs_f64() });
    }
    app.stats.judged(chosen.index, &scores);
    Ok(scores)
}

/// As [`judge`], of one submission, for which nobody else's are there to be compared with.
pub(crate) async fn judge_one(
    app: &App,
    chosen: &Chosen,
    submission: Submission,
    client: Client,
) -> Result<Score, ApiError> {
    if chosen.reward.needs_groups() {
        return Err(ApiError::NeedsGroups);
    }
    let mut scores = judge(app, chosen, vec![submission], client).await?;
    scores.pop().ok_or_else(|| ApiError::Internal("a score was lost".to_owned()))
}

/// Hands the submissions in; their scores come all at once, when the last is there.
pub(crate) fn submit(
    chosen: &Chosen,
    submissions: Vec<Submission>,
    keys: &[GroupKey],
    terms: &Terms,
) -> Result<oneshot::Receiver<Vec<Option<Score>>>, ApiError> {
    let (sender, scores) = oneshot::channel();
    let slots = submissions.iter().map(|_| None).collect();
    let gathered = Arc::new(Gathered { slots: Mutex::new(slots), sender: Some(sender) });
    let answered = |(place, submission)| {
        let gathered = Arc::clone(&gathered);
        (submission, Box::new(move |score| gathered.put(place, score)) as Reply)
    };
    let mut batch: Vec<_> = submissions.into_iter().enumerate().map(answered).map(Some).collect();
    drop(gathered);
    if chosen.reward.needs_groups() {
        let groups = grouped(keys);
        let groups =
            groups.into_iter().map(|places| places.into_iter().filter_map(|at| batch[at].take()).collect());
        chosen.reward.try_submit_groups(groups, terms)?;
    } else {
        chosen.reward.try_submit_batch(batch.into_iter().flatten(), terms)?;
    }
    Ok(scores)
}

/// The scores of a batch. Whoever lets go of it last sends them: by then each reply was called, or lost.
struct Gathered {
    slots: Mutex<Vec<Option<Score>>>,
    sender: Option<oneshot::Sender<Vec<Option<Score>>>>,
}

impl Gathered {
    fn put(&self, place: usize, score: Score) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)[place] = Some(score);
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        let slots = std::mem::take(self.slots.get_mut().unwrap_or_else(PoisonError::into_inner));
        if let Some(sender) = self.sender.take() {
            // Who has gone does not want them.
            drop(sender.send(slots));
        }
    }
}

/// Ends the work that nobody waits for any more.
pub(crate) struct CancelOnDrop(pub(crate) Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}
