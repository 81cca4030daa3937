//! The store: what surrounds a guest, and the one constructor that never forgets a limit.

use std::hash::Hasher;

use gavel_verify::Submission;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::Limits;
use crate::clock::Clock;
use crate::deadline::Deadline;
use crate::failure::{HostFailed, Interrupted};
use crate::meter::{Drawn, Meter, charge_for_calls};
use crate::program::Programs;
use crate::ticker::{self, Watch};

/// Bytes that a component may hand to the host in one call. A program for an interpreter may have
/// [`Limits::input`]. Streams take 64 KiB at a time.
pub(crate) const COMPONENT_CALL: usize = 128 << 10;

/// Bytes that a command may hand to the host in one call, besides those that it reads and writes.
pub(crate) const COMMAND_CALL: usize = 1 << 10;

/// Handles (streams, timers, ..) that a guest may hold at once. Each costs the host some memory.
pub(crate) const HANDLES: usize = 4096;

/// Random bytes that a guest may ask for at once. The host holds them all before the guest does.
const RANDOM_BYTES_AT_ONCE: u64 = 1 << 20;

/// What the host keeps for one instance. `W` is what its flavour of WASI needs.
pub(crate) struct Guest<W> {
    pub(crate) wasi: W,
    pub(crate) clock: Clock,
    pub(crate) growth: Growth,
    pub(crate) meter: Meter,
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
/// The guest may hand `call_bytes` to the host in one call. The time that its programs take is theirs: it is not counted
/// against this store's deadline.
#[expect(clippy::disallowed_methods, reason = "this is the one limited constructor")]
pub(crate) fn limited_store<W: Send + 'static>(
    engine: &Engine,
    watch: &Watch,
    limits: &Limits,
    call_bytes: usize,
    world: World,
    wasi: W,
    programs: Programs,
) -> wasmtime::Result<Store<Guest<W>>> {
    // Programs and what they read come from the submission, which may be as large.
    let handed_over = if programs.granted() { limits.input } else { 0 };
    let meter = Meter::new(
        call_bytes.max(handed_over),
        limits.output.saturating_mul(ANSWER).saturating_add(4096),
        world.random,
    );
    let guest = Guest { wasi, clock: world.clock, growth: Growth::within(limits), meter, programs };
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.growth);
    store.set_fuel(limits.fuel)?;
    charge_for_calls(&mut store);
    store.set_max_component_handles(HANDLES);
    let deadline = Deadline::after(limits.timeout, watch);
    store.set_epoch_deadline(ticker::ticks(limits.timeout.min(FIRST_LOOK)));
    store.epoch_deadline_callback(move |mut store| {
        let guest = store.data_mut();
        guest.meter.look_up();
        if deadline.interrupted() {
            return Err(Interrupted.into());
        }
        Ok(match deadline.next_look(guest.programs.elapsed()) {
            Some(ticks) => UpdateDeadline::Continue(ticks),
            None => UpdateDeadline::Interrupt,
        })
    });
    Ok(store)
}

/// Ticks before a guest looks up for the first time.
const FIRST_LOOK: std::time::Duration = std::time::Duration::from_millis(5);

/// Bytes of the host's that a byte of an answer may take while it is taken over: each is at most in a name, in the list
/// of metrics, and in what is measured of it before.
const ANSWER: usize = 8;

/// What is virtual in a guest's world: its clock, and its random numbers, which follow from a seed.
pub(crate) struct World {
    clock: Clock,
    random: Drawn,
    seed: u64,
}

impl World {
    pub(crate) fn of(seed: u64) -> Self {
        Self { clock: Clock::new(), random: Drawn::default(), seed }
    }

    /// A WASI world without authority: no files, network, environment or arguments, closed stdin, stdout and stderr
    /// that go nowhere.
    pub(crate) fn wasi(&self) -> WasiCtxBuilder {
        let Self { clock, random, seed } = self;
        let source = |seed| random.counting(Xoshiro256PlusPlus::seed_from_u64(seed));
        let mut wasi = WasiCtxBuilder::new();
        wasi.wall_clock(clock.clone())
            .monotonic_clock(clock.clone())
            .secure_random(source(*seed))
            .insecure_random(source(seed.wrapping_add(1)))
            .insecure_random_seed(u128::from(*seed) << 64 | u128::from(seed.rotate_left(32)))
            .max_random_size(RANDOM_BYTES_AT_ONCE)
            .allow_blocking_current_thread(true)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        wasi
    }
}

/// A number that depends on everything the plugin is given and on nothing else, the same on every machine.
pub(crate) fn seed<'a>(submissions: impl Iterator<Item = &'a Submission>, options: &str) -> u64 {
    let mut hash = twox_hash::XxHash3_64::new();
    for submission in submissions {
        let reference = submission.reference.as_deref();
        for part in [
            &submission.prompt,
            &submission.completion,
            &submission.metadata,
            options,
            reference.unwrap_or(""),
        ] {
            hash.write(&(part.len() as u64).to_le_bytes());
            hash.write(part.as_bytes());
        }
        hash.write(&[u8::from(reference.is_some())]);
    }
    hash.finish()
}

/// How far a guest's memories and tables may grow.
#[derive(Debug)]
pub(crate) struct Growth {
    bytes_left: usize,
    table_elements_left: usize,
    refused: bool,
    failed: bool,
}

impl Growth {
    fn within(limits: &Limits) -> Self {
        Self {
            bytes_left: usize::try_from(limits.memory).unwrap_or(usize::MAX),
            table_elements_left: limits.table_elements,
            refused: false,
            failed: false,
        }
    }

    /// Whether this machine could not do what the guest may ask for, which ends it.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }

    /// Whether the guest has last asked for more than it may have. Most guests abort then; one that goes on, and
    /// asks for less, has coped with it.
    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    fn grow(
        left: &mut usize,
        refused: &mut bool,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> bool {
        let rest = left.checked_sub(desired.saturating_sub(current));
        *refused = rest.is_none();
        // What the guest has forbidden itself is its own affair, and takes nothing from what it may have.
        let allowed = maximum.is_none_or(|maximum| desired <= maximum);
        match rest {
            Some(rest) if allowed => {
                *left = rest;
                true
            }
            _ => false,
        }
    }
}

/// Growth that is allowed and fails is the machine's fault: a guest that saw it would judge otherwise than elsewhere.
impl ResourceLimiter for Growth {
    fn memory_growing(
        &mut self,
        now: usize,
        wanted: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(Self::grow(&mut self.bytes_left, &mut self.refused, now, wanted, maximum))
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed = true;
        Err(error.context(HostFailed::new("a memory could not grow")))
    }

    fn table_growing(&mut self, now: usize, wanted: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(Self::grow(&mut self.table_elements_left, &mut self.refused, now, wanted, maximum))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed = true;
        Err(error.context(HostFailed::new("a table could not grow")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_forbids_itself_takes_nothing_from_what_it_may_have() {
        let mut growth = Growth::within(&Limits { memory: 100, ..Limits::default() });
        for _ in 0..10 {
            assert!(!growth.memory_growing(0, 60, Some(50)).unwrap());
            assert!(!growth.refused());
        }
        assert!(growth.memory_growing(0, 60, Some(70)).unwrap());
        assert!(!growth.memory_growing(0, 60, None).unwrap());
        assert!(growth.refused());
    }

    #[test]
    fn growth_that_fails_on_this_machine_is_the_machines_fault() {
        let mut growth = Growth::within(&Limits::default());
        assert!(growth.memory_growing(0, 1, None).unwrap());
        let error = growth.memory_grow_failed(wasmtime::format_err!("out of memory")).unwrap_err();
        assert!(error.is::<HostFailed>());
        assert!(
            growth.table_grow_failed(wasmtime::format_err!("out of memory")).unwrap_err().is::<HostFailed>()
        );
    }
}
