//! The plugin host: turns a WebAssembly file into a [`gavel_verify::Verifier`], within limits.
//!
//! ```no_run
//! use gavel_host::{Host, HostConfig, Limits};
//! use gavel_verify::{Submission, Verifier};
//!
//! let host = Host::new(HostConfig::default())?;
//! let plugin = host.load_file("countdown.wasm".as_ref())?;
//! let verifier = plugin.verifier(r#"{"use": "all"}"#, &Limits::default())?;
//! let outcome = verifier.verify(&Submission { completion: "<answer>1+2</answer>".into(), ..Default::default() });
//! println!("{:?} after {:?} instructions", outcome.result, outcome.fuel);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A plugin that runs the programs in completions becomes a verifier once it is granted interpreters:
//!
//! ```no_run
//! # use gavel_host::{Host, HostConfig, Limits};
//! # let host = Host::new(HostConfig::default())?;
//! let python = host.load_interpreter_file("python.wasm".as_ref())?;
//! let plugin = host.load_file("code.wasm".as_ref())?.grant([python].into_iter().collect());
//! let verifier = plugin.verifier("{}", &Limits::default())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address_space;
mod answer;
mod asked;
mod cache;
mod clock;
mod command;
mod compiled;
mod component;
mod deadline;
mod error;
mod execution;
mod failure;
mod guest;
mod host;
mod interpreter;
mod interrupt;
mod lane;
mod meter;
mod options;
mod pipe;
mod plugin;
mod preview1;
mod program;
mod scan;
mod slots;
mod ticker;
mod verifier;
mod wasi;

pub use error::{HostError, HostWarning, LoadError};
pub use execution::{Ended, Execution};
pub use gavel_verify::{Limits, ProgramLimits};
pub use host::{Host, HostConfig, Traps};
pub use interpreter::{Interpreter, Interpreters, Language};
pub use interrupt::Interrupt;
pub use lane::STACK;
pub use plugin::{Format, Plugin};
pub use verifier::WasmVerifier;

/// What runs plugins, with its version. Fuel is counted alike on every machine, and not by every release of the engine.
pub const ENGINE: &str = "wasmtime 48.0.8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_the_one_that_is_built_in() {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).unwrap();
        let (name, version) = ENGINE.split_once(' ').unwrap();
        assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"\n")), "{ENGINE}");
    }
}
