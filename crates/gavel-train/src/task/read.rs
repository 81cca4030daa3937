//! Reads task files: the first tasks one by one, or all of them on every core.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use gavel_lines::{Input, LONGEST_LINE, Line, Lines, look};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde_json::{Map, Value};

use super::{Prompts, Task, TaskError, TaskFiles};

/// Lines that are handed to the cores at a time, and about how many bytes of them.
const MOST_LINES: usize = 4096;
const MOST_BYTES: u64 = 16 << 20;

/// Chunks of lines that are read ahead of the cores. Rows that are no tasks yet are held by these alone.
const AHEAD: usize = 2;

/// The tasks of a file, in order, each read when it is asked for. It may be whatever [`Input`] reads; empty lines are passed
/// over.
#[derive(Debug)]
pub struct Tasks<'a> {
    rows: Rows,
    prompts: &'a Prompts,
}

impl<'a> Tasks<'a> {
    /// Opens the file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path, prompts: &'a Prompts) -> Result<Self, TaskError> {
        Ok(Self { rows: Rows::open(path.into())?, prompts })
    }
}

impl Iterator for Tasks<'_> {
    type Item = Result<Task, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.rows.next()?;
        let looks = self.rows.looks.take();
        Some(line.and_then(|line| Row { line, path: &self.rows.path, looks }.task(self.prompts)))
    }
}

/// Reads all tasks of some files, one file after the other.
///
/// # Errors
///
/// When a file cannot be read or holds no task, or a line is not one: the error names file and line.
pub fn read_tasks(files: &TaskFiles, prompts: &Prompts) -> Result<Vec<Task>, TaskError> {
    read_first_tasks(files, prompts, usize::MAX)
}

/// As [`read_tasks`], at most `limit` of them.
///
/// # Errors
///
/// As [`read_tasks`], of what was read.
pub fn read_first_tasks(files: &TaskFiles, prompts: &Prompts, limit: usize) -> Result<Vec<Task>, TaskError> {
    read_first(files, limit, &|row| row.task(prompts))
}

/// A row of a task file, not yet looked at.
pub(crate) struct Row<'a> {
    line: Line,
    path: &'a Arc<Path>,
    /// What the file looks like, of its first row.
    looks: Option<&'static str>,
}

impl Row<'_> {
    /// Its file.
    pub(crate) fn path(&self) -> &Arc<Path> {
        self.path
    }

    /// Where it stands there, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.line.number
    }

    /// The task in it.
    pub(crate) fn task(self, prompts: &Prompts) -> Result<Task, TaskError> {
        let Self { line, path, looks } = self;
        let number = line.number;
        prompts.task(columns(line, path, looks)?, path, number)
    }

    /// Its columns.
    pub(crate) fn columns(self) -> Result<Map<String, Value>, TaskError> {
        columns(self.line, self.path, self.looks)
    }
}

/// What `make` makes of the first rows of some files, at most `limit`, in their order; rows are made side by side on all
/// cores while the next ones are read.
///
/// # Errors
///
/// The first one in the order of the rows, whichever core met one first.
pub(crate) fn read_first<T, E>(
    files: &TaskFiles,
    limit: usize,
    make: &(impl Fn(Row<'_>) -> Result<T, E> + Sync),
) -> Result<Vec<T>, E>
where
    T: Send,
    E: Send + From<TaskError>,
{
    let mut all = Vec::new();
    read_each(files, limit, make, &mut |made| {
        for row in made {
            all.push(row?);
        }
        Ok::<_, E>(())
    })?;
    Ok(all)
}

/// As [`read_first`], but what was made is handed on some thousand rows at a time, so that not all need be held.
///
/// # Errors
///
/// When a file cannot be read, and what `take` says; no more is read then.
pub(crate) fn read_each<T, E>(
    files: &TaskFiles,
    limit: usize,
    make: &(impl Fn(Row<'_>) -> T + Sync),
    take: &mut dyn FnMut(Vec<T>) -> Result<(), E>,
) -> Result<(), E>
where
    T: Send,
    E: From<TaskError>,
{
    let files = files.paths()?;
    thread::scope(|scope| {
        let (sender, chunks) = sync_channel(AHEAD);
        scope.spawn(|| read_files(files, limit, sender));
        take_all(chunks, make, take)
    })
}

fn take_all<T, E>(
    chunks: Receiver<Result<Chunk, TaskError>>,
    make: &(impl Fn(Row<'_>) -> T + Sync),
    take: &mut dyn FnMut(Vec<T>) -> Result<(), E>,
) -> Result<(), E>
where
    T: Send,
    E: From<TaskError>,
{
    for chunk in chunks {
        let Chunk { path, lines, looks } = chunk?;
        let path = &path;
        let rows = lines.into_par_iter().map(|line| {
            let looks = looks.filter(|(first, _)| *first == line.number).map(|(_, looks)| looks);
            make(Row { line, path, looks })
        });
        take(rows.collect())?;
    }
    Ok(())
}

/// Rows of one file that follow each other.
struct Chunk {
    path: Arc<Path>,
    lines: Vec<Line>,
    /// The first row of the file, where it is in here, and what the file looks like.
    looks: Option<(u64, &'static str)>,
}

/// Reads files in chunks, until so many rows have been read, or nobody wants more.
fn read_files(files: Vec<Arc<Path>>, limit: usize, chunks: SyncSender<Result<Chunk, TaskError>>) {
    let mut left = limit;
    for path in files {
        if left == 0 {
            return;
        }
        match read_file(path, left, &chunks) {
            Ok(Some(count)) => left -= count,
            Ok(None) => return,
            Err(error) => {
                let _ = chunks.send(Err(error));
                return;
            }
        }
    }
}

/// The number of rows that were read, at most `limit`; `None` where nobody wants more.
fn read_file(
    path: Arc<Path>,
    limit: usize,
    chunks: &SyncSender<Result<Chunk, TaskError>>,
) -> Result<Option<usize>, TaskError> {
    let mut rows = Rows::open(Arc::clone(&path))?;
    let mut count = 0;
    while count < limit {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        let mut broken = None;
        while count + lines.len() < limit && lines.len() < MOST_LINES && bytes < MOST_BYTES {
            match rows.next() {
                Some(Ok(line)) => {
                    bytes += line.bytes;
                    lines.push(line);
                }
                Some(Err(error)) => {
                    broken = Some(error);
                    break;
                }
                None => break,
            }
        }
        if lines.is_empty() && broken.is_none() {
            break;
        }
        count += lines.len();
        let looks = rows.looks.take().zip(lines.first()).map(|(looks, line)| (line.number, looks));
        // A bad row before the place where the file breaks off is said first.
        if !lines.is_empty() && chunks.send(Ok(Chunk { path: Arc::clone(&path), lines, looks })).is_err() {
            return Ok(None);
        }
        if let Some(error) = broken {
            return Err(error);
        }
    }
    if count == 0 { Err(TaskError::Empty { path: path.to_path_buf() }) } else { Ok(Some(count)) }
}

/// The lines of a file that are not empty.
#[derive(Debug)]
struct Rows {
    path: Arc<Path>,
    lines: Lines<Input>,
    /// What the file looks like, as long as nobody has asked.
    looks: Option<&'static str>,
}

impl Rows {
    fn open(path: Arc<Path>) -> Result<Self, TaskError> {
        let open = || {
            let (input, _) = Input::open(&path)?;
            let mut lines = Lines::new(input, LONGEST_LINE);
            let looks = look(lines.peek()?);
            Ok((lines, looks))
        };
        match open() {
            Ok((lines, looks)) => Ok(Self { path, lines, looks }),
            Err(source) => Err(unreadable(&path, source)),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Line, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.lines.read() {
                Ok(Some(Line { text: Ok(text), .. })) if text.trim().is_empty() => {}
                Ok(line) => return line.map(Ok),
                Err(source) => return Some(Err(unreadable(&self.path, source))),
            }
        }
    }
}

fn unreadable(path: &Path, source: io::Error) -> TaskError {
    TaskError::Read { path: path.to_owned(), source }
}

/// The columns of a row.
fn columns(
    Line { number: line, text, .. }: Line,
    path: &Path,
    looks: Option<&'static str>,
) -> Result<Map<String, Value>, TaskError> {
    match text.map(|text| serde_json::from_str(&text)) {
        Ok(Ok(columns)) => Ok(columns),
        Ok(Err(source)) => Err(TaskError::Json { path: path.to_owned(), line, looks, source }),
        Err(source) => Err(TaskError::Line { path: path.to_owned(), line, looks, source }),
    }
}
