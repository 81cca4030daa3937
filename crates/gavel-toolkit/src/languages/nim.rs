//! Nim: nim makes C, and zig makes a WASI command of it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{Product, zig};
use crate::ToolkitError;
use crate::error::Doing;
use crate::project::Workshop;
use crate::run::Compiler;

const NIM: Compiler = Compiler {
    program: "nim",
    name: "Nim",
    install: "install Nim 1.6 or later: https://nim-lang.org/install.html (Debian: apt-get install nim)",
};

pub(super) fn build(workshop: &Workshop<'_>) -> Result<Product, ToolkitError> {
    let command = workshop.scratch().join("command.wasm");
    let zig = zig::zig(workshop, "cc")?;
    let cc = c_compiler(workshop, &zig)?;
    let mut nim = nim(workshop);
    // What zig needs to know, nim hands on.
    nim.envs(zig.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // Every option is read or refused, which Nim cannot see.
    nim.args([
        "c",
        "--hints:off",
        "--warning:ProveInit:off",
        "--cpu:wasm32",
        "--os:any",
        "-d:posix",
        "--cc:clang",
    ]);
    nim.arg(format!("--clang.exe:{}", cc.display())).arg(format!("--clang.linkerexe:{}", cc.display()));
    // Counting references, exceptions by return values, and libc's malloc: nothing that a browser would have to bring.
    nim.args(["--mm:arc", "--exceptions:goto", "-d:useMalloc", "-d:noSignalHandler", "--threads:off"]);
    // Floats are written with as many digits as they need to be read again.
    nim.args(["-d:release", "-d:nimPreviewFloatRoundtrip", "--noMain"]);
    // An exception knows the lines that it came by. The sandbox's stack ends a recursion, not Nim's count of nested calls:
    // that has 16 bits, and -1 is what it comes to last.
    nim.args(["--stackTrace:on", "--lineTrace:on", "-d:nimCallDepthLimit:-1"]);
    nim.arg(format!("--path:{}", workshop.sdk("nim").display()));
    nim.arg(format!("--nimcache:{}", workshop.scratch().join("nimcache").display()));
    nim.arg(format!("-o:{}", command.display())).arg(&workshop.project.source);
    NIM.run(&mut nim)?;
    zig::drop_debug_information(&command)?;
    Ok(Product::Finished(command))
}

/// The nim on PATH, or the one that gavel's own set-up unpacks among the tools.
fn nim(workshop: &Workshop<'_>) -> Command {
    let is_on_path = NIM.run_quietly(NIM.command(&workshop.folder).arg("--version")).is_ok();
    let Some(unpacked) = workshop.tools.nim().filter(|_| !is_on_path) else {
        return NIM.command(&workshop.folder);
    };
    let mut nim = Command::new(unpacked.join("bin/nim"));
    nim.current_dir(&workshop.folder).stdin(Stdio::null());
    nim.arg(format!("--lib:{}", unpacked.join("lib/nim/lib").display()));
    nim
}

/// Nim starts a C compiler by one name; zig's has two, and flags.
fn c_compiler(workshop: &Workshop<'_>, zig: &Command) -> Result<PathBuf, ToolkitError> {
    let script = workshop.scratch().join("cc");
    let words = zig.get_args().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let program = zig.get_program().to_string_lossy();
    let text = format!("#!/bin/sh\nexec '{program}' {words} {FLAGS} \"$@\"\n");
    fs::write(&script, text).doing("write", &script)?;
    #[cfg(unix)]
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .doing("write", &script)?;
    Ok(script)
}

/// A command for WASI, whose memory is that of `sdk/nim/memory.c`. Nim's checks know no nil, which in WebAssembly is an
/// address like any other; clang's trap before it is read or written. Nim's C has more warnings than the author could do
/// something about.
const FLAGS: &str = "--target=wasm32-wasi -g0 -w -fsanitize=null -fsanitize-trap=null -Dmalloc=gavel_malloc \
                     -Dcalloc=gavel_calloc -Drealloc=gavel_realloc";
