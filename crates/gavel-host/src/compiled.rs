//! Compiled code of either format: made, kept, and taken up again.

use std::path::Path;

use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// What the two formats have in common.
pub(crate) trait Compiled: Sized + Send + 'static {
    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self>;
    fn serialize(&self) -> wasmtime::Result<Vec<u8>>;
    /// Maps code that the cache has found whole into memory. `None` when the engine does not want it after all.
    fn map(engine: &Engine, path: &Path) -> Option<Self>;
    /// The same code for another engine with the same settings.
    fn copy(&self, engine: &Engine) -> wasmtime::Result<Self>;
}

impl Compiled for Component {
    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self> {
        Self::new(engine, bytes)
    }

    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        self.serialize()
    }

    #[expect(unsafe_code, reason = "compiled code can only be trusted, not checked")]
    fn map(engine: &Engine, path: &Path) -> Option<Self> {
        // SAFETY: the file is what `Component::serialize` gave: nobody but this user or root can write to it or its
        // folder, only `Cache` does, whole files at a time, and the checksum of this one is right.
        accepted(path, unsafe { Self::deserialize_file(engine, path) })
    }

    #[expect(unsafe_code, reason = "compiled code can only be trusted, not checked")]
    fn copy(&self, engine: &Engine) -> wasmtime::Result<Self> {
        // SAFETY: these are the bytes that `Component::serialize` has just given.
        unsafe { Self::deserialize(engine, self.serialize()?) }
    }
}

impl Compiled for Module {
    fn compile(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self> {
        Self::new(engine, bytes)
    }

    fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        self.serialize()
    }

    #[expect(unsafe_code, reason = "compiled code can only be trusted, not checked")]
    fn map(engine: &Engine, path: &Path) -> Option<Self> {
        // SAFETY: as for `Component`; the file is what `Module::serialize` gave.
        accepted(path, unsafe { Self::deserialize_file(engine, path) })
    }

    #[expect(unsafe_code, reason = "compiled code can only be trusted, not checked")]
    fn copy(&self, engine: &Engine) -> wasmtime::Result<Self> {
        // SAFETY: these are the bytes that `Module::serialize` has just given.
        unsafe { Self::deserialize(engine, self.serialize()?) }
    }
}

fn accepted<C>(path: &Path, mapped: wasmtime::Result<C>) -> Option<C> {
    mapped
        .inspect_err(|error| {
            // Another process may have removed it to make room.
            if path.exists() {
                tracing::warn!(path = %path.display(), "compiling a plugin again: {error:#}");
            }
        })
        .ok()
}
