//! What commands may import: WASI preview 1, without authority, and with a price for everything whose cost depends on a
//! number of the guest's choosing.
//!
//! Reading, writing and waiting are gavel's own. Here they are three streams that never block and a virtual clock; and
//! the host's library, which is made for files, lets a guest choose how long one call takes.
//!
//! See <https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md>.

use bytes::Bytes;
use wasmtime::{Caller, Engine, Linker, Memory};
use wasmtime_wasi::p1::{self, WasiP1Ctx};

use crate::clock::{Clock, START};
use crate::guest::Guest;
use crate::meter::spend;
use crate::pipe::{Capped, Kept};

/// The module that commands import.
const MODULE: &str = "wasi_snapshot_preview1";

/// Fuel for each vector, and for each thing to wait for.
const VECTOR: u64 = 10;
const SUBSCRIPTION: u64 = 50;

/// Error numbers.
const SUCCESS: i32 = 0;
const BAD_DESCRIPTOR: i32 = 8;
const FAULT: i32 = 21;
const INVALID: i32 = 28;
const NOT_SEEKABLE: i32 = 70;

/// What a command's store keeps.
pub(crate) struct Preview1 {
    pub(crate) ctx: WasiP1Ctx,
    /// What there is yet to read.
    pub(crate) stdin: Bytes,
    pub(crate) stdout: Capped,
    /// Where standard error goes; nowhere unless the host keeps it.
    pub(crate) stderr: Option<Kept>,
}

type Command<'a> = Caller<'a, Guest<Preview1>>;

/// What a command may import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest<Preview1>>> {
    let mut linker = Linker::new(engine);
    p1::add_to_linker_sync(&mut linker, |guest: &mut Guest<Preview1>| &mut guest.wasi.ctx)?;
    linker.allow_shadowing(true);
    linker.func_wrap(MODULE, "fd_read", fd_read)?;
    linker.func_wrap(MODULE, "fd_write", fd_write)?;
    linker.func_wrap(MODULE, "fd_pread", |_: i32, _: i32, _: i32, _: i64, _: i32| NOT_SEEKABLE)?;
    linker.func_wrap(MODULE, "fd_pwrite", |_: i32, _: i32, _: i32, _: i64, _: i32| NOT_SEEKABLE)?;
    linker.func_wrap(MODULE, "poll_oneoff", poll_oneoff)?;
    no_paths(&mut linker)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// No descriptor leads to a folder, so no path leads anywhere. The host's library reads a path before it finds that out,
/// and takes five microseconds to say so.
#[rustfmt::skip]
fn no_paths(linker: &mut Linker<Guest<Preview1>>) -> wasmtime::Result<()> {
    const NONE: i32 = BAD_DESCRIPTOR;
    linker.func_wrap(MODULE, "path_create_directory", |_: i32, _: i32, _: i32| NONE)?;
    linker.func_wrap(MODULE, "path_filestat_get", |_: i32, _: i32, _: i32, _: i32, _: i32| NONE)?;
    linker.func_wrap(MODULE, "path_filestat_set_times", |_: i32, _: i32, _: i32, _: i32, _: i64, _: i64, _: i32| NONE)?;
    linker.func_wrap(MODULE, "path_link", |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32, _: i32| NONE)?;
    linker.func_wrap(MODULE, "path_open", |_: i32, _: i32, _: i32, _: i32, _: i32, _: i64, _: i64, _: i32, _: i32| NONE)?;
    linker.func_wrap(MODULE, "path_readlink", |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32| NONE)?;
    linker.func_wrap(MODULE, "path_remove_directory", |_: i32, _: i32, _: i32| NONE)?;
    linker.func_wrap(MODULE, "path_rename", |_: i32, _: i32, _: i32, _: i32, _: i32, _: i32| NONE)?;
    linker.func_wrap(MODULE, "path_symlink", |_: i32, _: i32, _: i32, _: i32, _: i32| NONE)?;
    linker.func_wrap(MODULE, "path_unlink_file", |_: i32, _: i32, _: i32| NONE)?;
    Ok(())
}

/// Reads from standard input into the first vector that has room. At the end there are 0 bytes.
fn fd_read(
    mut caller: Command<'_>,
    descriptor: u32,
    vectors: u32,
    count: u32,
    read: u32,
) -> wasmtime::Result<i32> {
    if descriptor != 0 {
        return Ok(BAD_DESCRIPTOR);
    }
    let Some(memory) = memory(&mut caller) else { return Ok(FAULT) };
    let Some((at, room)) = first_vector(&mut caller, memory, vectors, count)? else { return Ok(FAULT) };
    let guest = caller.data_mut();
    let bytes = guest.wasi.stdin.split_to(room.min(guest.wasi.stdin.len()));
    spend(&mut caller, bytes.len() as u64)?;
    let memory = memory.data_mut(&mut caller);
    let length = (bytes.len() as u32).to_le_bytes();
    let written = write(memory, at, &bytes).and_then(|()| write(memory, read as usize, &length));
    Ok(written.map_or(FAULT, |()| SUCCESS))
}

/// Writes the first vector that has something to standard output, or to standard error.
fn fd_write(
    mut caller: Command<'_>,
    descriptor: u32,
    vectors: u32,
    count: u32,
    written: u32,
) -> wasmtime::Result<i32> {
    if !matches!(descriptor, 1 | 2) {
        return Ok(BAD_DESCRIPTOR);
    }
    let Some(memory) = memory(&mut caller) else { return Ok(FAULT) };
    let Some((at, length)) = first_vector(&mut caller, memory, vectors, count)? else { return Ok(FAULT) };
    spend(&mut caller, length as u64)?;
    let (memory, guest) = memory.data_and_store_mut(&mut caller);
    let Some(bytes) = at.checked_add(length).and_then(|end| memory.get(at..end)) else { return Ok(FAULT) };
    match (descriptor, &guest.wasi.stderr) {
        (1, _) => guest.wasi.stdout.push(bytes)?,
        (_, Some(stderr)) => stderr.push(bytes),
        (_, None) => {}
    }
    let length = (length as u32).to_le_bytes();
    Ok(write(memory, written as usize, &length).map_or(FAULT, |()| SUCCESS))
}

fn memory(caller: &mut Command<'_>) -> Option<Memory> {
    caller.get_export("memory")?.into_memory()
}

/// Address and length of the first vector that is not empty, or of an empty one; `None` where they are not all in
/// memory.
fn first_vector(
    caller: &mut Command<'_>,
    memory: Memory,
    vectors: u32,
    count: u32,
) -> wasmtime::Result<Option<(usize, usize)>> {
    const SIZE: usize = 8;
    let (start, count) = (vectors as usize, count as usize);
    let Some(end) = count.checked_mul(SIZE).and_then(|bytes| start.checked_add(bytes)) else {
        return Ok(None);
    };
    if end > memory.data_size(&*caller) {
        return Ok(None);
    }
    spend(caller, VECTOR * count as u64)?;
    let (vectors, _) = memory.data(&*caller)[start..end].as_chunks::<SIZE>();
    let word = |bytes: &[u8]| bytes.try_into().map_or(0, |bytes| u32::from_le_bytes(bytes) as usize);
    let vector = vectors.iter().map(|vector| (word(&vector[..4]), word(&vector[4..])));
    Ok(Some(vector.into_iter().find(|&(_, length)| length > 0).unwrap_or((0, 0))))
}

/// Waits for the earliest of some timers, or for nothing where a stream is among them, since those never block.
///
/// See `poll_oneoff` and the layouts of `subscription` (48 bytes) and `event` (32 bytes).
fn poll_oneoff(
    mut caller: Command<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    count_out: u32,
) -> wasmtime::Result<i32> {
    if count == 0 {
        return Ok(INVALID);
    }
    let Some(memory) = memory(&mut caller) else { return Ok(FAULT) };
    if u64::from(count) * Subscription::SIZE as u64 > memory.data_size(&caller) as u64 {
        return Ok(FAULT);
    }
    spend(&mut caller, SUBSCRIPTION * u64::from(count))?;
    let (memory, guest) = memory.data_and_store_mut(&mut caller);
    Ok(poll_in(
        memory,
        &guest.clock,
        subscriptions as usize,
        events as usize,
        count as usize,
        count_out as usize,
    )
    .map_or(FAULT, |()| SUCCESS))
}

/// `None` when a pointer leaves the memory.
fn poll_in(
    memory: &mut [u8],
    clock: &Clock,
    subscriptions: usize,
    events: usize,
    count: usize,
    count_out: usize,
) -> Option<()> {
    memory.get(subscriptions..subscriptions.checked_add(count.checked_mul(Subscription::SIZE)?)?)?;
    let subscription =
        |memory: &[u8], index: usize| Subscription::read(memory, subscriptions + index * Subscription::SIZE);
    let started = clock.read();
    let mut earliest = u64::MAX;
    for index in 0..count {
        earliest = earliest.min(subscription(memory, index)?.due(started));
    }
    clock.advance_to(earliest);
    let now = started.max(earliest);
    let mut ready = 0;
    for index in 0..count {
        let subscription = subscription(memory, index)?;
        if subscription.due(started) <= now {
            subscription.write_event(memory, events + ready * Subscription::EVENT_SIZE)?;
            ready += 1;
        }
    }
    write(memory, count_out, &u32::try_from(ready).ok()?.to_le_bytes())
}

/// What a guest of WASI preview 1 waits for.
struct Subscription {
    userdata: [u8; 8],
    kind: u8,
    timeout: u64,
    absolute: bool,
    wall_clock: bool,
}

impl Subscription {
    const SIZE: usize = 48;
    const EVENT_SIZE: usize = 32;
    /// The kind of a subscription to a clock; the others wait for a stream.
    const CLOCK: u8 = 0;

    fn read(memory: &[u8], at: usize) -> Option<Self> {
        let bytes: &[u8; Self::SIZE] = memory.get(at..at.checked_add(Self::SIZE)?)?.first_chunk()?;
        let word = |at: usize| bytes[at..at + 8].try_into().map(u64::from_le_bytes).ok();
        Some(Self {
            userdata: *bytes.first_chunk()?,
            kind: bytes[8],
            wall_clock: bytes[16] == 0,
            timeout: word(24)?,
            absolute: bytes[40] & 1 == 1,
        })
    }

    /// When it is ready, if it was made when the clock showed `now`.
    fn due(&self, now: u64) -> u64 {
        match (self.kind, self.absolute) {
            (Self::CLOCK, false) => now.saturating_add(self.timeout),
            (Self::CLOCK, true) if self.wall_clock => self.timeout.saturating_sub(START.as_nanos() as u64),
            (Self::CLOCK, true) => self.timeout,
            _ => now,
        }
    }

    fn write_event(&self, memory: &mut [u8], at: usize) -> Option<()> {
        let mut event = [0; Self::EVENT_SIZE];
        event[..8].copy_from_slice(&self.userdata);
        event[10] = self.kind;
        event[16] = u8::from(self.kind != Self::CLOCK);
        write(memory, at, &event)
    }
}

fn write(memory: &mut [u8], at: usize, bytes: &[u8]) -> Option<()> {
    memory.get_mut(at..at.checked_add(bytes.len())?)?.copy_from_slice(bytes);
    Some(())
}
