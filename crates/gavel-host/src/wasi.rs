//! What components may import: WASI 0.2, without authority, with a virtual clock, and with a price for everything whose
//! cost depends on a number of the guest's choosing.

use wasmtime::component::{Linker, Resource, WasmList, WasmStr};
use wasmtime::{Engine, StoreContextMut};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::ResolveAddressStream;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, Network};
use wasmtime_wasi::p2::bindings::sync::io::poll::Host as _;
use wasmtime_wasi::p2::bindings::sync::io::streams::{Host as _, HostOutputStream as _, StreamError};
use wasmtime_wasi::p2::{DynOutputStream, DynPollable, StreamResult, subscribe};

use crate::clock::Timer;
use crate::guest::{Guest, HANDLES, Wasi};
use crate::meter::spend;

/// Fuel for each thing to wait for: it is looked up, boxed, polled and thrown away.
const POLLABLE: u64 = 300;

type Component<'a> = StoreContextMut<'a, Guest<Wasi>>;

/// What every component may import.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Guest<Wasi>>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    linker.allow_shadowing(true);
    virtual_timers(&mut linker)?;
    priced_streams(&mut linker)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// Puts virtual timers in the place of the real ones.
fn virtual_timers(linker: &mut Linker<Guest<Wasi>>) -> wasmtime::Result<()> {
    type Subscribed = wasmtime::Result<(Resource<DynPollable>,)>;
    let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.12")?;
    clock.func_wrap("subscribe-instant", |store: Component<'_>, (due,): (u64,)| -> Subscribed {
        Ok((timer(store, due)?,))
    })?;
    clock.func_wrap("subscribe-duration", |store: Component<'_>, (duration,): (u64,)| -> Subscribed {
        let due = store.data().clock.read().saturating_add(duration);
        Ok((timer(store, due)?,))
    })?;
    let mut poll = linker.instance("wasi:io/poll@0.2.12")?;
    poll.func_wrap("poll", |store, (pollables,)| Ok((wait(store, pollables)?,)))
}

fn timer(mut store: Component<'_>, due: u64) -> wasmtime::Result<Resource<DynPollable>> {
    let timer = Timer::due_at(due, store.data().clock.clone());
    let table = store.data_mut().wasi.table();
    let timer = table.push(timer)?;
    subscribe(table, timer)
}

/// Waits for one of some things. A list names each thing as often as it likes, so its length has a bound of its own.
fn wait(mut store: Component<'_>, pollables: WasmList<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
    let count = pollables.len();
    if count > HANDLES {
        return Err(wasmtime::format_err!("waits for {count} things at once, more than {HANDLES}"));
    }
    spend(&mut store, POLLABLE * count as u64)?;
    let pollables: Vec<_> =
        (0..count).filter_map(|index| pollables.get(&mut store, index)).collect::<wasmtime::Result<_>>()?;
    store.data_mut().wasi.table().poll(pollables)
}

/// Makes writing cost what there is to copy, and looking up a name what there is to read; the answer is no.
fn priced_streams(linker: &mut Linker<Guest<Wasi>>) -> wasmtime::Result<()> {
    type Bytes = (Resource<DynOutputStream>, WasmList<u8>);
    type Written = wasmtime::Result<(Result<(), StreamError>,)>;
    let mut streams = linker.instance("wasi:io/streams@0.2.12")?;
    streams.func_wrap(
        "[method]output-stream.write",
        |mut store: Component<'_>, (stream, bytes): Bytes| -> Written {
            let bytes = taken(&mut store, &bytes)?;
            let table = store.data_mut().wasi.table();
            let written = table.write(stream, bytes);
            Ok((said(&mut store, written)?,))
        },
    )?;
    streams.func_wrap(
        "[method]output-stream.blocking-write-and-flush",
        |mut store: Component<'_>, (stream, bytes): Bytes| -> Written {
            let bytes = taken(&mut store, &bytes)?;
            let table = store.data_mut().wasi.table();
            let written = table.blocking_write_and_flush(stream, bytes);
            Ok((said(&mut store, written)?,))
        },
    )?;
    type Looked = wasmtime::Result<(Result<Resource<ResolveAddressStream>, ErrorCode>,)>;
    linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?.func_wrap(
        "resolve-addresses",
        |_: Component<'_>, _: (Resource<Network>, WasmStr)| -> Looked {
            Ok((Err(ErrorCode::PermanentResolverFailure),))
        },
    )
}

/// A copy of what a guest hands over.
fn taken(store: &mut Component<'_>, bytes: &WasmList<u8>) -> wasmtime::Result<Vec<u8>> {
    spend(store, bytes.len() as u64)?;
    Ok(bytes.as_le_slice(&*store).to_vec())
}

/// What a guest is told of a write; the error is for a guest that must end.
fn said(store: &mut Component<'_>, written: StreamResult<()>) -> wasmtime::Result<Result<(), StreamError>> {
    match written {
        Ok(()) => Ok(Ok(())),
        Err(error) => store.data_mut().wasi.table().convert_stream_error(error).map(Err),
    }
}
