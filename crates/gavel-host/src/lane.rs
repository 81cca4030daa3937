//! Engines side by side, so that threads do not get into each other's way.
//!
//! Every instance touches counters and locks of its engine, and processors that take turns at one cache line lose
//! time over it: two threads on one engine judged 13 % less than on two (`docs/benchmarks.md`). So a host has as
//! many lanes as the machine runs threads, each with an engine of its own; the lanes after the first start when
//! they are first needed.

use std::cell::Cell;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;

use wasmtime::component;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, Linker, PoolingAllocationConfig,
    WasmBacktraceDetails, WasmFeatures,
};

use crate::address_space::AddressSpace;
use crate::guest::{Guest, Wasi};
use crate::preview1::Preview1;
use crate::slots::Slots;
use crate::ticker::{Ticker, Watch};
use crate::{HostError, LoadError, Traps, meter, preview1, program, scan, wasi};

/// Lanes beyond this number bring little, and each reserves address space.
const MOST_LANES: usize = 16;

/// Bytes of native stack for a plugin.
const PLUGIN_STACK: usize = 1 << 20;

/// Bytes of native stack for a program. A recursion of Python that goes through C (a cache, a comprehension, a constructor)
/// takes some kilobytes of it a level, and programs of contests go thousands of levels deep. What is never
/// reached takes address space alone.
const PROGRAM_STACK: usize = 16 << 20;

/// Bytes of stack that a thread needs to judge: for a plugin, for a program that it runs, and for the host.
pub const STACK: usize = PLUGIN_STACK + PROGRAM_STACK + (2 << 20);

/// Frames of a guest's backtrace that are recorded.
const FRAMES: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// As [`FRAMES`], for the authors of plugins: the first ten or so are those of the language's panic.
const FRAMES_FOR_AUTHORS: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// Dirty bytes that an instance's memory and tables keep resident for their next use: reset by a copy, which is
/// cheaper than handing the pages back and faulting them in again.
const KEEP_RESIDENT: usize = 4 << 20;

/// As [`KEEP_RESIDENT`], for an interpreter, which dirties more.
const KEEP_INTERPRETER_RESIDENT: usize = 16 << 20;

/// Memories, tables and core instances that one component may have. Python's has 14 core instances.
const MEMORIES: u32 = 2;
const TABLES: u32 = 32;
const CORE_INSTANCES: u32 = 64;

/// The most entries of a table that any [`Limits`](crate::Limits) can give.
const TABLE_ELEMENTS: usize = 1 << 20;

/// The most bytes of a memory, and what is reserved for it, where every access is checked anyway: what is never reached
/// takes address space alone, but that is limited on machines that many share.
const CHECKED_MEMORY: u64 = 1 << 30;

/// The most bytes of any other memory: all that 32 bits can name.
const WHOLE_MEMORY: u64 = 4 << 30;

/// Where address space is scarce: what is mapped for a memory ahead of its growth, so that it seldom moves, and what lies on
/// either side of it.
const SCARCE_MEMORY: u64 = 64 << 20;
const SCARCE_GUARD: u64 = 1 << 20;

/// Whose instances a lane has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tenants {
    /// Plugins, which may import `interpreter`.
    Plugins,
    /// Interpreters. Their engines are others, and so are their pools: plugins find the memories that are warm for
    /// them, a plugin that waits for a program's end does not hold what the program needs, and a host that runs no
    /// programs reserves nothing for them.
    Interpreters,
}

/// An engine, what its guests may import, and room for their instances.
pub(crate) struct Lane {
    pub(crate) engine: Engine,
    pub(crate) components: component::Linker<Guest<Wasi>>,
    pub(crate) commands: Linker<Guest<Preview1>>,
    pub(crate) slots: Slots,
    pub(crate) watch: Watch,
    /// Whether what guests write is kept for their authors.
    pub(crate) keeps_output: bool,
}

impl Lane {
    fn start(
        tenants: Tenants,
        slots: u32,
        ticker: &Ticker,
        traps: Traps,
        space: AddressSpace,
        for_authors: bool,
    ) -> wasmtime::Result<Self> {
        let frames = if for_authors { FRAMES_FOR_AUTHORS } else { FRAMES };
        let engine = |slots| Engine::new(&engine_config(tenants, slots, traps, space, frames));
        let engine = match space {
            AddressSpace::Ample => engine(Some(slots)).or_else(|error| {
                tracing::warn!(
                    "cannot reserve address space for {slots} instances, so each gets its own when it starts, which is \
                     slower: {error:#}"
                );
                engine(None)
            }),
            AddressSpace::Scarce => engine(None),
        }?;
        ticker.tick_for(&engine);
        let mut components = wasi::linker(&engine)?;
        if tenants == Tenants::Plugins {
            program::add_to_linker(&mut components)?;
        }
        let (commands, slots) = (preview1::linker(&engine)?, Slots::new(slots));
        Ok(Self {
            components,
            commands,
            slots,
            watch: ticker.watch().of_its_own(),
            engine,
            keeps_output: for_authors,
        })
    }
}

/// The lanes of a host for one kind of tenant.
pub(crate) struct Lanes {
    tenants: Tenants,
    first: Lane,
    /// `None` where a lane could not be started; its threads share the first.
    others: Box<[OnceLock<Option<Lane>>]>,
    slots: u32,
    ticker: Arc<Ticker>,
    traps: Traps,
    space: AddressSpace,
    for_authors: bool,
}

/// How many lanes there are for threads that judge at the same time, and how many instances have room in each.
fn shape(threads: u32) -> (usize, u32) {
    let count = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let count = count.min(MOST_LANES).min(threads.max(1) as usize);
    // Threads spread evenly, and one more may be loading. Where they do not, they wait for each other.
    (count, threads.div_ceil(count as u32).saturating_add(1))
}

/// Bytes of address space that the lanes of plugins and of interpreters reserve together, for so many threads.
pub(crate) fn reserved(threads: u32, traps: Traps) -> u64 {
    let (lanes, slots) = shape(threads);
    let memories = lanes as u64 * u64::from(slots) * u64::from(MEMORIES);
    2 * memories * largest_memory(traps) + OTHERWISE
}

/// What a process has besides: stacks, code, heaps, guards.
const OTHERWISE: u64 = 4 << 30;

fn largest_memory(traps: Traps) -> u64 {
    match traps {
        Traps::Signals => WHOLE_MEMORY,
        Traps::Checks => CHECKED_MEMORY,
    }
}

impl Lanes {
    /// Lanes on which `threads` judge at the same time; `for_authors` is [`HostConfig::for_authors`](crate::HostConfig).
    pub(crate) fn start(
        tenants: Tenants,
        threads: u32,
        ticker: Arc<Ticker>,
        traps: Traps,
        space: AddressSpace,
        for_authors: bool,
    ) -> Result<Self, HostError> {
        let (count, slots) = shape(threads);
        let first = Lane::start(tenants, slots, &ticker, traps, space, for_authors)
            .map_err(|error| HostError::Engine { reason: format!("{error:#}") })?;
        let others = (1..count).map(|_| OnceLock::new()).collect();
        Ok(Self { tenants, first, others, slots, ticker, traps, space, for_authors })
    }

    /// The lane that plugins are compiled and described in.
    pub(crate) fn first(&self) -> &Lane {
        &self.first
    }

    /// The lane of the calling thread and its place among the others; `None` where that is the first.
    fn other_of_this_thread(&self) -> Option<(usize, &Lane)> {
        let index = number_of_this_thread().checked_rem(self.others.len() + 1)?.checked_sub(1)?;
        let lane = self.others[index].get_or_init(|| {
            let Self { tenants, slots, ticker, traps, space, for_authors, .. } = self;
            Lane::start(*tenants, *slots, ticker, *traps, *space, *for_authors)
                .inspect_err(|error| {
                    tracing::warn!("cannot start another engine, sharing the first: {error:#}")
                })
                .ok()
        });
        Some((index, lane.as_ref()?))
    }
}

/// Compiled code in every lane: in the first from the start, in the others once their threads need it.
pub(crate) struct PerLane<C> {
    first: C,
    /// `None` where it could not be had; those threads share the first.
    others: Box<[OnceLock<Option<C>>]>,
}

impl<C> PerLane<C> {
    /// Code that is loaded in the first of these lanes.
    pub(crate) fn new(first: C, lanes: &Lanes) -> Self {
        Self { first, others: lanes.others.iter().map(|_| OnceLock::new()).collect() }
    }

    /// The code in the first lane.
    pub(crate) fn first(&self) -> &C {
        &self.first
    }

    /// The code to run on the calling thread, and the room for its instances. `load` loads it into another lane:
    /// what has loaded once loads again, unless the machine is out of something.
    pub(crate) fn here<'a>(
        &'a self,
        lanes: &'a Lanes,
        load: impl FnOnce(&Lane) -> Result<C, LoadError>,
    ) -> (&'a C, &'a Slots) {
        if let Some((index, lane)) = lanes.other_of_this_thread()
            && let Some(code) = self.others[index].get_or_init(|| {
                load(lane)
                    .inspect_err(|error| tracing::warn!("sharing another engine's compiled code: {error}"))
                    .ok()
            })
        {
            return (code, &lane.slots);
        }
        (&self.first, &lanes.first.slots)
    }
}

/// Numbers threads in the order in which they first judge, so that they spread evenly over the lanes.
fn number_of_this_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get()
}

/// What WebAssembly may use: what the compilers of the SDKs write, and nothing that only a person would.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::SIMD)
    // Dynamic linking (Python) computes where its tables and memories start.
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::COMPONENT_MODEL);

/// Settings of an engine; `slots` is how many instances its pool has room for, or `None` for no pool. How many `frames` a
/// backtrace has makes no difference to compiled code, so every host takes it from the same cache.
fn engine_config(
    tenants: Tenants,
    slots: Option<u32>,
    traps: Traps,
    space: AddressSpace,
    frames: NonZeroUsize,
) -> Config {
    let mut config = Config::new();
    config
        .wasm_features(WasmFeatures::all() - FEATURES, false)
        .wasm_features(FEATURES, true)
        .consume_fuel(true)
        .operator_cost(meter::prices())
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .concurrency_support(false)
        .memory_init_cow(true)
        // Snapshots of Python are large, 12 to 75 MB, and lie in plugins too. The scan before compiling sees to it that a
        // file holds about as much as is made of it.
        .memory_guaranteed_dense_image_size(scan::IMAGE)
        .max_wasm_stack(match tenants {
            Tenants::Plugins => PLUGIN_STACK,
            Tenants::Interpreters => PROGRAM_STACK,
        })
        // No guest runs on such a stack, and no pool makes one; the engine only wants it to be no smaller.
        .async_stack_size(PROGRAM_STACK)
        // Names come from the name section. Files and lines would be looked up in debug information, which the engine
        // reads anew for each frame of each trap, outside of every limit.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(Some(frames))
        .allocation_strategy(match slots {
            Some(slots) => InstanceAllocationStrategy::Pooling(pool(tenants, slots, traps)),
            None => InstanceAllocationStrategy::OnDemand,
        });
    if traps == Traps::Checks {
        config.signals_based_traps(false).memory_reservation(CHECKED_MEMORY);
    }
    if space == AddressSpace::Scarce {
        config
            .memory_reservation(SCARCE_MEMORY)
            .memory_reservation_for_growth(SCARCE_MEMORY)
            .memory_guard_size(SCARCE_GUARD)
            .memory_may_move(true);
    }
    config
}

/// A pool in which `slots` instances always find room, however large.
fn pool(tenants: Tenants, slots: u32, traps: Traps) -> PoolingAllocationConfig {
    // Without the scan, "keep resident" means that all of it is written for every instance.
    let keep = match tenants {
        _ if !PoolingAllocationConfig::is_pagemap_scan_available() => 0,
        Tenants::Plugins => KEEP_RESIDENT,
        Tenants::Interpreters => KEEP_INTERPRETER_RESIDENT,
    };
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .total_memories(slots.saturating_mul(MEMORIES))
        .total_tables(slots.saturating_mul(TABLES))
        .total_stacks(0)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(largest_memory(traps) as usize)
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        .max_unused_warm_slots(slots)
        .linear_memory_keep_resident(keep)
        .table_keep_resident(keep)
        .pagemap_scan(Enabled::Auto);
    pool
}
