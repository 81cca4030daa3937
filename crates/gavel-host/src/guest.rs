//! The store: what surrounds a guest, and the one constructor that never forgets a limit.

use std::hash::Hasher;
use std::time::Instant;

use gavel_verify::Submission;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::Limits;
use crate::clock::Clock;
use crate::program::Programs;
use crate::ticker;

/// Bytes that a guest may hand to the host in one call. Its answer may have [`Limits::output`], and a program for an
/// interpreter [`Limits::input`]. Streams take 64 KiB at a time.
pub(crate) const HOST_CALL_BYTES: usize = 128 << 10;

/// Handles (streams, timers, ..) that a guest may hold at once. Each costs the host some memory.
const HANDLES: usize = 4096;

/// Random bytes that a guest may ask for at once. The host holds them all before the guest does.
const RANDOM_BYTES: u64 = 1 << 20;

/// What the host keeps for one instance. `W` is what its flavour of WASI needs.
pub(crate) struct Guest<W> {
    pub(crate) wasi: W,
    pub(crate) clock: Clock,
    pub(crate) growth: Growth,
    pub(crate) programs: Programs,
}

/// WASI 0.2, as components see it.
pub(crate) struct Wasi {
    ctx: WasiCtx,
    table: ResourceTable,
}

impl Wasi {
    pub(crate) fn new(ctx: WasiCtx) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        Self { ctx, table }
    }

    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiView for Guest<Wasi> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi.ctx, table: &mut self.wasi.table }
    }
}

/// A store that is limited in every way. There is no other constructor of stores in gavel.
///
/// The time that the guest's programs take is theirs: it is not counted against this store's deadline.
#[expect(clippy::disallowed_methods, reason = "this is the one limited constructor")]
pub(crate) fn limited_store<W: Send + 'static>(
    engine: &Engine,
    limits: &Limits,
    clock: Clock,
    wasi: W,
    programs: Programs,
) -> wasmtime::Result<Store<Guest<W>>> {
    // Programs and what they read come from the submission, which may be as large.
    let handed_over = if programs.granted() { limits.input } else { 0 };
    let guest = Guest { wasi, clock, growth: Growth::within(limits), programs };
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.growth);
    store.set_fuel(limits.fuel)?;
    store.set_hostcall_fuel(limits.output.max(HOST_CALL_BYTES).max(handed_over));
    store.set_max_component_handles(HANDLES);
    let (started, timeout) = (Instant::now(), limits.timeout);
    store.set_epoch_deadline(ticker::ticks(timeout));
    // The ticker catches up after the machine was busy, so ticks can come early: only the clock is believed.
    store.epoch_deadline_callback(move |store| {
        let own = started.elapsed().saturating_sub(store.data().programs.elapsed());
        Ok(match timeout.checked_sub(own) {
            Some(left) if !left.is_zero() => UpdateDeadline::Continue(ticker::ticks(left)),
            _ => UpdateDeadline::Interrupt,
        })
    });
    Ok(store)
}

/// A WASI world without authority: no files, network, environment or arguments, closed stdin, stdout and stderr
/// that go nowhere, the clock of `clock`, and random numbers that follow from `seed`.
pub(crate) fn closed_world(clock: &Clock, seed: u64) -> WasiCtxBuilder {
    let mut wasi = WasiCtxBuilder::new();
    wasi.wall_clock(clock.clone())
        .monotonic_clock(clock.clone())
        .secure_random(Xoshiro256PlusPlus::seed_from_u64(seed))
        .insecure_random(Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_add(1)))
        .insecure_random_seed(u128::from(seed) << 64 | u128::from(seed.rotate_left(32)))
        .max_random_size(RANDOM_BYTES)
        .allow_blocking_current_thread(true)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    wasi
}

/// A number that depends on everything the plugin is given and on nothing else, the same on every machine.
pub(crate) fn seed(submission: &Submission, options: &str) -> u64 {
    let mut hash = twox_hash::XxHash3_64::new();
    let reference = submission.reference.as_deref();
    for part in
        [&submission.prompt, &submission.completion, &submission.metadata, options, reference.unwrap_or("")]
    {
        hash.write(&(part.len() as u64).to_le_bytes());
        hash.write(part.as_bytes());
    }
    hash.write(&[u8::from(reference.is_some())]);
    hash.finish()
}

/// How far a guest's memories and tables may grow.
#[derive(Debug)]
pub(crate) struct Growth {
    bytes_left: usize,
    table_elements_left: usize,
    refused: bool,
}

impl Growth {
    fn within(limits: &Limits) -> Self {
        Self {
            bytes_left: usize::try_from(limits.memory).unwrap_or(usize::MAX),
            table_elements_left: limits.table_elements,
            refused: false,
        }
    }

    /// Whether the guest has last asked for more than it may have. Most guests abort then; one that goes on, and
    /// asks for less, has coped with it.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    fn grow(left: &mut usize, refused: &mut bool, current: usize, desired: usize) -> bool {
        let rest = left.checked_sub(desired.saturating_sub(current));
        *left = rest.unwrap_or(*left);
        *refused = rest.is_none();
        !*refused
    }
}

impl ResourceLimiter for Growth {
    fn memory_growing(&mut self, now: usize, wanted: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(Self::grow(&mut self.bytes_left, &mut self.refused, now, wanted))
    }

    fn table_growing(&mut self, now: usize, wanted: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(Self::grow(&mut self.table_elements_left, &mut self.refused, now, wanted))
    }
}
