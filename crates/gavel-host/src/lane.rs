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
    WasmBacktraceDetails,
};
use wasmtime_wasi::p1::WasiP1Ctx;

use crate::guest::{Guest, Wasi};
use crate::slots::Slots;
use crate::ticker::Ticker;
use crate::{HostError, LoadError, command, component as component_format, program};

/// Lanes beyond this number bring little, and each reserves address space.
const MOST_LANES: usize = 16;

/// Bytes of native stack for a guest.
const GUEST_STACK: usize = 1 << 20;

/// Bytes of stack that a thread needs to judge: for a plugin, for a program that it runs, and for the host.
pub const STACK: usize = 2 * GUEST_STACK + (2 << 20);

/// Frames of a guest's backtrace that are recorded.
const FRAMES: NonZeroUsize = NonZeroUsize::new(8).unwrap();

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
    pub(crate) commands: Linker<Guest<WasiP1Ctx>>,
    pub(crate) slots: Slots,
}

impl Lane {
    fn start(tenants: Tenants, slots: u32, ticker: &Ticker) -> wasmtime::Result<Self> {
        let engine = Engine::new(&engine_config(tenants, slots))?;
        ticker.watch(&engine);
        let mut components = component_format::linker(&engine)?;
        if tenants == Tenants::Plugins {
            program::add_to_linker(&mut components)?;
        }
        Ok(Self { components, commands: command::linker(&engine)?, slots: Slots::new(slots), engine })
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
}

impl Lanes {
    pub(crate) fn start(tenants: Tenants, slots: u32, ticker: Arc<Ticker>) -> Result<Self, HostError> {
        let first = Lane::start(tenants, slots, &ticker)
            .map_err(|error| HostError::Engine { reason: format!("{error:#}") })?;
        let count = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_LANES);
        let others = (1..count).map(|_| OnceLock::new()).collect();
        Ok(Self { tenants, first, others, slots, ticker })
    }

    /// The lane that plugins are compiled and described in.
    pub(crate) fn first(&self) -> &Lane {
        &self.first
    }

    /// The lane of the calling thread and its place among the others; `None` where that is the first.
    fn other_of_this_thread(&self) -> Option<(usize, &Lane)> {
        let index = number_of_this_thread().checked_rem(self.others.len() + 1)?.checked_sub(1)?;
        let lane = self.others[index].get_or_init(|| {
            Lane::start(self.tenants, self.slots, &self.ticker)
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

fn engine_config(tenants: Tenants, slots: u32) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_threads(false)
        .wasm_memory64(false)
        .concurrency_support(false)
        .memory_init_cow(true)
        // Snapshots of interpreters are large: Python's is 12 to 75 MB.
        .memory_guaranteed_dense_image_size(128 << 20)
        .max_wasm_stack(GUEST_STACK)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .wasm_backtrace_max_frames(Some(FRAMES))
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(tenants, slots)));
    config
}

/// A pool in which `slots` instances always find room, however large.
fn pool(tenants: Tenants, slots: u32) -> PoolingAllocationConfig {
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
        .max_memory_size(4 << 30)
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        .max_unused_warm_slots(slots)
        .linear_memory_keep_resident(keep)
        .table_keep_resident(keep)
        .pagemap_scan(Enabled::Auto);
    pool
}
