//! `POST /v1/score` as JSON Lines both ways: each line is answered as `gavel score` would, in the order of the request,
//! while more of it comes. Whoever sends faster than is judged is read more slowly.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use gavel_reward::Terms;
use gavel_verify::{Cancel, Score};
use gavel_wire::Row;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::app::{App, Chosen};
use crate::error::ApiError;
use crate::judge::{CancelOnDrop, submit};
use crate::payload::Asked;

/// The most lines that are on their way at once.
const WINDOW: usize = 1024;

/// How long to wait where there is no room.
const PAUSE: Duration = Duration::from_millis(2);

/// The most bytes of an answer that are collected before they are sent.
const CHUNK: usize = 64 << 10;

/// A line's answer, or what it waits for.
enum Pending {
    Judging(Box<Row>, oneshot::Receiver<Vec<Option<Score>>>),
    /// The line is no submission; this answers it.
    Unfit(String),
    /// The stream ends here, with this error.
    Broken(ApiError),
}

pub(crate) fn score(app: Arc<App>, chosen: Chosen, asked: Asked, body: Body) -> Response {
    let (sender, pending) = mpsc::channel(WINDOW);
    let cancel = asked.deadline.map_or_else(Cancel::new, Cancel::after);
    let writer = Writer {
        pending,
        held: None,
        app: Arc::clone(&app),
        index: chosen.index,
        timing: asked.timing(),
        _ends: CancelOnDrop(cancel.clone()),
    };
    let terms = Terms { client: asked.client, cancel };
    tokio::spawn(async move {
        if let Err(error) = read(&app, &chosen, &terms, body, &sender).await {
            // A writer that has gone needs no error.
            drop(sender.send(Pending::Broken(error)).await);
        }
    });
    let mut response = Response::new(Body::from_stream(writer.chunks()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    response
}

/// Reads the lines and hands them in, until they end or nobody wants the answers.
async fn read(
    app: &App,
    chosen: &Chosen,
    terms: &Terms,
    body: Body,
    answers: &mpsc::Sender<Pending>,
) -> Result<(), ApiError> {
    let (mut body, mut kept, limit) = (body.into_data_stream(), BytesMut::new(), app.options.max_body);
    loop {
        let chunk = timeout(app.options.timeout, body.next()).await;
        let chunk = chunk.map_err(|_| ApiError::SlowRequest { seconds: app.options.timeout.as_secs() })?;
        let ends = chunk.is_none();
        if let Some(chunk) = chunk {
            let chunk = chunk.map_err(|_| ApiError::BadJson("the body ends too early".to_owned()))?;
            // Only what has come anew can hold a line's end.
            let mut searched = kept.len();
            kept.extend_from_slice(&chunk);
            while let Some(end) = kept[searched..].iter().position(|&byte| byte == b'\n') {
                let line = kept.split_to(searched + end + 1).freeze();
                searched = 0;
                if !answer(chosen, terms, &line, answers).await? {
                    return Ok(());
                }
            }
        }
        if kept.len() > limit {
            return Err(ApiError::BodyTooLarge { limit });
        }
        if ends {
            answer(chosen, terms, &kept.freeze(), answers).await?;
            return Ok(());
        }
    }
}

/// Hands one line in. Returns whether somebody wants the answer.
async fn answer(
    chosen: &Chosen,
    terms: &Terms,
    line: &Bytes,
    answers: &mpsc::Sender<Pending>,
) -> Result<bool, ApiError> {
    let text = match std::str::from_utf8(line) {
        Ok(text) if text.trim().is_empty() => return Ok(true),
        Ok(text) => text.trim_end(),
        Err(error) => {
            let problem = ApiError::NotUtf8 { at: error.valid_up_to() }.to_string();
            return Ok(answers.send(Pending::Unfit(unfit(None, &problem)?)).await.is_ok());
        }
    };
    let (row, submission) = match Row::parse(text) {
        Err(error) => {
            return Ok(answers.send(Pending::Unfit(unfit(None, &error.to_string())?)).await.is_ok());
        }
        Ok(row) => match row.submission(chosen.reward.columns()) {
            Err(error) => {
                let problem = error.to_string();
                return Ok(answers.send(Pending::Unfit(unfit(Some(row), &problem)?)).await.is_ok());
            }
            Ok(submission) => (row, submission),
        },
    };
    // A place in the window first: what is handed in is as much as is read ahead.
    let Ok(place) = answers.reserve().await else { return Ok(false) };
    loop {
        match submit(chosen, vec![submission.clone()], &[], terms) {
            Ok(score) => {
                place.send(Pending::Judging(Box::new(row), score));
                return Ok(true);
            }
            Err(ApiError::Busy(_)) if !terms.cancel.is_set() => sleep(PAUSE).await,
            Err(ApiError::Busy(_)) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

fn unfit(row: Option<Row>, problem: &str) -> Result<String, ApiError> {
    Row::answer_to_bad_line(row, problem).map_err(|error| ApiError::Internal(error.to_string()))
}

/// Makes the answers, in order.
struct Writer {
    pending: mpsc::Receiver<Pending>,
    /// What came last and is not settled yet.
    held: Option<Pending>,
    app: Arc<App>,
    index: usize,
    timing: bool,
    /// Held for as long as somebody reads.
    _ends: CancelOnDrop,
}

impl Writer {
    fn chunks(self) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> + Send {
        stream::unfold(self, |mut writer| async move {
            let chunk = writer.chunk().await?;
            Some((Ok(Bytes::from(chunk)), writer))
        })
    }

    /// The next lines: the first is waited for, the others are those that are there already.
    async fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut chunk = Vec::new();
        let first = match self.held.take() {
            Some(held) => held,
            None => self.pending.recv().await?,
        };
        self.write(first.settled().await, &mut chunk);
        while chunk.len() < CHUNK {
            let Ok(next) = self.pending.try_recv() else { break };
            match next.settled_already() {
                Ok(line) => self.write(line, &mut chunk),
                // What is judged still holds up nothing that is done.
                Err(next) => {
                    self.held = Some(next);
                    break;
                }
            }
        }
        Some(chunk)
    }

    fn write(&self, line: Line, chunk: &mut Vec<u8>) {
        let line = match line {
            Line::Text(line) => line,
            Line::Score(row, score) => {
                let line = row.with_score(&score, self.timing).unwrap_or_default();
                self.app.stats.judged(self.index, &[score]);
                line
            }
        };
        chunk.extend_from_slice(line.as_bytes());
        chunk.push(b'\n');
    }
}

impl Pending {
    async fn settled(self) -> Line {
        match self {
            Self::Unfit(line) => Line::Text(line),
            Self::Broken(error) => Line::Text(error.body().to_string()),
            Self::Judging(row, scores) => Line::scored(row, scores.await.ok()),
        }
    }

    /// The line where nothing has to be waited for.
    fn settled_already(self) -> Result<Line, Self> {
        match self {
            Self::Unfit(line) => Ok(Line::Text(line)),
            Self::Broken(error) => Ok(Line::Text(error.body().to_string())),
            Self::Judging(row, mut scores) => match scores.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => Err(Self::Judging(row, scores)),
                settled => Ok(Line::scored(row, settled.ok())),
            },
        }
    }
}

/// A line of the answer.
enum Line {
    Text(String),
    Score(Box<Row>, Score),
}

impl Line {
    fn scored(row: Box<Row>, scores: Option<Vec<Option<Score>>>) -> Self {
        match scores.and_then(|mut scores| scores.pop().flatten()) {
            Some(score) => Self::Score(row, score),
            None => Self::Text(ApiError::Internal("a score was lost".to_owned()).body().to_string()),
        }
    }
}
