//! What a guest pays, in fuel, for what the host does for it.
//!
//! The engine counts instructions. What a single one of them makes the host do may take a thousand times as long, so
//! calls of the host have a price, and what depends on a number of the guest's choosing has one by that number. So a
//! loop of calls ends where its fuel ends, on every machine, and not where a clock says so.

use std::convert::Infallible;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rand::{Rng, TryRng};
use wasmtime::{AsContextMut, CallHook, OperatorCost, Store, StoreContextMut, Trap};

use crate::guest::Guest;

/// Fuel for each call of the host: about as many instructions run in the time that a call takes.
const HOST_CALL: u64 = 1_000;

/// Fuel for each random byte.
const RANDOM_BYTE: u64 = 20;

/// Random bytes for each submission, and as many for each program.
const RANDOM_BYTES: u64 = 16 << 20;

/// Fuel for an instruction that is a call of the engine in disguise, besides what its length costs.
const ENGINE_CALL: u8 = 255;

/// Fuel for each instruction: one, as the engine has it, but for those that make the engine do more.
///
/// A failed `memory.grow` costs the engine as much as one that succeeds, and a bulk operation of length 0 is a call
/// too. Growth by many pages is no dearer: how far a memory may grow is bounded anyway.
pub(crate) fn prices() -> OperatorCost {
    OperatorCost {
        MemoryGrow: ENGINE_CALL,
        TableGrow: ENGINE_CALL,
        TableInit: ENGINE_CALL,
        TableCopy: ENGINE_CALL,
        MemoryInit: ENGINE_CALL,
        DataDrop: ENGINE_CALL,
        ElemDrop: ENGINE_CALL,
        ..OperatorCost::new()
    }
}

/// The state of one guest's account.
#[derive(Debug)]
pub(crate) struct Meter {
    /// Bytes that the guest may hand over in one call.
    call_bytes: usize,
    /// Bytes that the engine may take over of the guest's answer.
    answer_bytes: usize,
    random: Drawn,
    random_bytes: u64,
    /// The engine has looked up from the guest, which is no call of the guest's.
    looked_up: bool,
    /// The guest has ended for a reason that its fuel must not hide.
    settled: bool,
}

impl Meter {
    pub(crate) fn new(call_bytes: usize, answer_bytes: usize, random: Drawn) -> Self {
        Self { call_bytes, answer_bytes, random, random_bytes: 0, looked_up: false, settled: false }
    }

    /// Notes that the engine has called the host of its own accord.
    pub(crate) fn look_up(&mut self) {
        self.looked_up = true;
    }

    /// Notes that the guest ends now, whatever it still has.
    pub(crate) fn settle(&mut self) {
        self.settled = true;
    }

    /// What the call that is over costs; `None` where it was none of the guest's.
    fn price(&mut self) -> wasmtime::Result<Option<u64>> {
        if mem::take(&mut self.looked_up) || self.settled {
            return Ok(None);
        }
        let drawn = self.random.take();
        self.random_bytes += drawn;
        if self.random_bytes > RANDOM_BYTES {
            return Err(wasmtime::format_err!("asked for more than {RANDOM_BYTES} random bytes"));
        }
        Ok(Some(HOST_CALL + RANDOM_BYTE * drawn))
    }
}

/// Makes a store charge for calls, and hold their arguments to the sizes of its meter.
///
/// Calls that the engine makes for an instruction (as for `memory.grow`) come here too. Their charge does not last,
/// since compiled code keeps the count to itself meanwhile; [`prices`] is for them.
pub(crate) fn charge_for_calls<W: 'static>(store: &mut Store<Guest<W>>) {
    store.call_hook(|mut store, event| {
        match event {
            CallHook::CallingHost => {
                let bytes = store.data().meter.call_bytes;
                store.set_hostcall_fuel(bytes);
            }
            CallHook::ReturningFromHost => {
                let guest = store.data_mut();
                if !guest.growth.failed()
                    && let Some(price) = guest.meter.price()?
                {
                    spend(&mut store, price)?;
                }
            }
            CallHook::ReturningFromWasm => {
                let bytes = store.data().meter.answer_bytes;
                store.set_hostcall_fuel(bytes);
            }
            CallHook::CallingWasm => {}
        }
        Ok(())
    });
}

/// Takes fuel from a guest, or ends it where it has no more.
pub(crate) fn spend<W: 'static>(
    store: &mut impl AsContextMut<Data = Guest<W>>,
    price: u64,
) -> wasmtime::Result<()> {
    let mut store: StoreContextMut<'_, Guest<W>> = store.as_context_mut();
    let left = store.get_fuel()?.saturating_sub(price);
    store.set_fuel(left)?;
    if left == 0 { Err(Trap::OutOfFuel.into()) } else { Ok(()) }
}

/// Counts the random bytes of one guest. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drawn(Arc<AtomicU64>);

impl Drawn {
    fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Relaxed);
    }

    fn take(&self) -> u64 {
        self.0.swap(0, Relaxed)
    }

    /// The same source of random numbers, counted.
    pub(crate) fn counting<R>(&self, source: R) -> Counted<R> {
        Counted { source, drawn: self.clone() }
    }
}

/// A source of random numbers that notes how much it gave.
pub(crate) struct Counted<R> {
    source: R,
    drawn: Drawn,
}

impl<R: Rng> TryRng for Counted<R> {
    type Error = Infallible;

    /// The host draws one of these for each byte that a guest asks for.
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.drawn.add(1);
        Ok(self.source.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.drawn.add(8);
        Ok(self.source.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.drawn.add(bytes.len() as u64);
        self.source.fill_bytes(bytes);
        Ok(())
    }
}
