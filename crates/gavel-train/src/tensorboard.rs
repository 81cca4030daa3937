//! TensorBoard event files, so that a run shows up in the tool that people already have open.
//!
//! An event file is a sequence of TFRecords, each a protobuf `Event`:
//! <https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto>.
//!
//! The published writers were passed over: `tensorboard-rs` 0.5.9 panics on a full disk and depends on
//! `protobuf` 2 (RUSTSEC-2024-0437) and `image` 0.23, `tboard` 0.1.1 needs `protoc` to build, and `tfrecord` 0.15
//! brings 48 crates. What is left after `prost` and `crc` is the framing below.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crc::{CRC_32_ISCSI, Crc};
use prost::Message;

/// Writes scalars to one event file.
///
/// Every process writes a file of its own and TensorBoard joins the files of a directory, so nothing is ever
/// appended to a file that a killed process may have left half-written.
#[derive(Debug)]
pub struct EventWriter {
    file: BufWriter<File>,
}

impl EventWriter {
    /// Starts a new event file in `dir`, which is created if need be.
    ///
    /// # Errors
    /// When the directory or the file cannot be written.
    pub fn create(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mut writer = Self { file: BufWriter::new(create_event_file(dir)?) };
        writer.write(0, What::FileVersion("brain.Event:2".to_owned()))?;
        Ok(writer)
    }

    /// Starts a new event file in `dir` for a run that continues with `step`.
    ///
    /// TensorBoard then drops what older files say of `step` and later: steps that a killed process had logged
    /// after its last checkpoint.
    ///
    /// # Errors
    /// When the directory or the file cannot be written.
    pub fn resume(dir: &Path, step: u64) -> io::Result<Self> {
        let mut writer = Self::create(dir)?;
        writer.write(step, What::SessionLog(SessionLog { status: SESSION_START }))?;
        Ok(writer)
    }

    /// Records `value` under `tag` at `step`. TensorBoard keeps scalars as `f32`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64) -> io::Result<()> {
        let value = SummaryValue { tag: tag.to_owned(), simple_value: Some(value as f32) };
        self.write(step, What::Summary(Summary { value: vec![value] }))
    }

    /// Hands everything that was recorded to the operating system, where TensorBoard can read it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    fn write(&mut self, step: u64, what: What) -> io::Result<()> {
        let wall_time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        self.file.write_all(&record(&Event { wall_time, step: step as i64, what: Some(what) }))
    }
}

/// TensorBoard reads every file with `tfevents` in its name, in the order of the names.
fn create_event_file(dir: &Path) -> io::Result<File> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let process = std::process::id();
    let mut number = 0;
    loop {
        let path = dir.join(format!("events.out.tfevents.{seconds:010}.{process}.{number}"));
        match File::create_new(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            result => return result,
        }
    }
}

/// One TFRecord: length, checksum of the length, message, checksum of the message; integers little-endian.
/// <https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details>
fn record(event: &Event) -> Vec<u8> {
    let message = event.encode_to_vec();
    let length = (message.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(message.len() + 16);
    record.extend_from_slice(&length);
    record.extend_from_slice(&masked_crc(&length).to_le_bytes());
    record.extend_from_slice(&message);
    record.extend_from_slice(&masked_crc(&message).to_le_bytes());
    record
}

/// The masking keeps a checksum of data that itself holds checksums from degenerating.
fn masked_crc(bytes: &[u8]) -> u32 {
    const CRC_32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
    CRC_32C.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<SummaryValue>,
}

#[derive(Clone, PartialEq, Message)]
struct SummaryValue {
    #[prost(string, tag = "1")]
    tag: String,
    /// One of several kinds of value in the original, and so written even when it is 0.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `SessionLog.SessionStatus.START`.
const SESSION_START: i32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes are what TensorBoard 2.20 itself writes (`tensorboard.summary.writer.record_writer`) for
    /// `Event(wall_time=1.5, step=7, summary=[reward: simple_value 0.0])`.
    #[test]
    fn a_record_is_what_tensorboard_writes() {
        let value = SummaryValue { tag: "reward".to_owned(), simple_value: Some(0.0) };
        let what = What::Summary(Summary { value: vec![value] });
        let written = record(&Event { wall_time: 1.5, step: 7, what: Some(what) });
        let golden = "1c00000000000000c8c1951d09000000000000f83f10072a0f0a0d0a06726577617264\
                      1500000000a84092cc";
        assert_eq!(hex(&written), golden);
    }

    #[test]
    fn scalars_come_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(dir.path()).unwrap();
        writer.scalar("reward", 1, 0.5).unwrap();
        writer.scalar("kl", 2, f64::NAN).unwrap();
        drop(writer);

        let events = read_only_file(dir.path());
        assert_eq!(events[0].what, Some(What::FileVersion("brain.Event:2".to_owned())));
        assert_eq!(scalar_of(&events[1]), (1, "reward", Some(0.5)));
        let (step, tag, value) = scalar_of(&events[2]);
        assert_eq!((step, tag, value.map(f32::is_nan)), (2, "kl", Some(true)));
        assert_eq!(events.len(), 3);
    }

    #[test]
    fn a_resumed_run_writes_a_file_of_its_own_and_says_where_it_starts() {
        let dir = tempfile::tempdir().unwrap();
        EventWriter::create(dir.path()).unwrap().scalar("reward", 9, 1.0).unwrap();
        let before = std::fs::read(only_file(dir.path())).unwrap();
        let first = only_file(dir.path());
        EventWriter::resume(dir.path(), 5).unwrap();

        assert_eq!(std::fs::read(&first).unwrap(), before);
        std::fs::remove_file(first).unwrap();
        let events = read_only_file(dir.path());
        assert_eq!(events[1].step, 5);
        assert_eq!(events[1].what, Some(What::SessionLog(SessionLog { status: 1 })));
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn only_file(dir: &Path) -> std::path::PathBuf {
        let mut files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }

    fn read_only_file(dir: &Path) -> Vec<Event> {
        let bytes = std::fs::read(only_file(dir)).unwrap();
        let mut rest = bytes.as_slice();
        let mut events = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            events.push(Event::decode(&rest[12..12 + length]).unwrap());
            rest = &rest[12 + length + 4..];
        }
        events
    }

    fn scalar_of(event: &Event) -> (i64, &str, Option<f32>) {
        match &event.what {
            Some(What::Summary(summary)) => {
                (event.step, &summary.value[0].tag, summary.value[0].simple_value)
            }
            other => panic!("not a scalar: {other:?}"),
        }
    }
}
