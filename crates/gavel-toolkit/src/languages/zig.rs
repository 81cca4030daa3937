//! C, C++ and Zig: the zig of PyPI's `ziglang` compiles all three to a core module, with a libc of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use wasm_encoder::{Module, RawSection};
use wasmparser::{BinaryReaderError, Parser, Payload};

use super::Product;
use crate::error::Doing;
use crate::project::Workshop;
use crate::run::Compiler;
use crate::tools::ZIGLANG;
use crate::{ToolkitError, sdk};

const ZIG: Compiler = Compiler {
    program: "zig",
    name: "zig",
    install: "it comes with the tool folder; remove that and build again",
};

/// Zig gives 16 MiB by default, which every instance would have to have from the start.
const STACK: &str = "-Wl,-z,stack-size=262144";

pub(super) fn build_c(workshop: &Workshop<'_>) -> Result<Product, ToolkitError> {
    let core = workshop.scratch().join("core.wasm");
    let mut cc = zig(workshop, "cc")?;
    cc.args(["-std=gnu17", "-Wall"]).args(FLAGS);
    cc.arg("-I").arg(workshop.sdk("c")).arg(&workshop.project.source).args(c_sdk(workshop));
    (workshop.report)("zig cc: compiling (the first time its libc too, some 20 s)");
    ZIG.run(cc.arg("-o").arg(&core))?;
    without_debug_information(core)
}

pub(super) fn build_cpp(workshop: &Workshop<'_>) -> Result<Product, ToolkitError> {
    let core = workshop.scratch().join("core.wasm");
    compile_libcxx(workshop)?;
    (workshop.report)("zig c++: compiling");
    let mut objects: Vec<PathBuf> = Vec::new();
    for (index, source) in c_sdk(workshop).into_iter().enumerate() {
        let object = workshop.scratch().join(format!("sdk-{index}.o"));
        ZIG.run(
            zig(workshop, "cc")?.args(["-std=gnu17", "-c"]).args(FLAGS).arg(source).arg("-o").arg(&object),
        )?;
        objects.push(object);
    }
    let mut cxx = zig(workshop, "c++")?;
    cxx.args(["-std=gnu++20", "-Wall"]).args(CXX_FLAGS).args(FLAGS);
    for sdk in ["cpp", "c"] {
        cxx.arg("-I").arg(workshop.sdk(sdk));
    }
    ZIG.run(cxx.arg(&workshop.project.source).args(objects).arg("-o").arg(&core))?;
    without_debug_information(core)
}

pub(super) fn build_zig(workshop: &Workshop<'_>) -> Result<Product, ToolkitError> {
    let core = workshop.scratch().join("core.wasm");
    (workshop.report)("zig: compiling (the first time its libc too, some 20 s)");
    let bindings = workshop.sdk("c").join("bindings");
    let object = workshop.scratch().join("bindings.o");
    let mut cc = zig(workshop, "cc")?;
    ZIG.run(cc.args(["-c"]).args(FLAGS).arg(bindings.join("plugin.c")).arg("-o").arg(&object))?;
    let mut zig = zig(workshop, "build-exe")?;
    // With Zig's checks: an overflow is to cost a submission its verdict, not to become a wrong reward.
    zig.args(["-target", TARGET, "-lc", "-OReleaseSafe", "-fno-entry", "-rdynamic", "-mexec-model=reactor"]);
    zig.args(["--stack", "262144", "--dep", "plugin"]);
    zig.arg(format!("-Mroot={}", workshop.sdk("zig").join("root.zig").display())).arg(&object);
    zig.args(["--dep", "gavel"]).arg(format!("-Mplugin={}", workshop.project.source.display()));
    zig.arg("-I").arg(&bindings);
    zig.arg(format!("-Mgavel={}", workshop.sdk("zig").join("gavel.zig").display()));
    ZIG.run(zig.arg(format!("-femit-bin={}", core.display())))?;
    without_debug_information(core)
}

const TARGET: &str = "wasm32-wasi";

/// What C and C++ have in common. zig takes assertions out where it optimises; a verifier's are to cost a submission its
/// verdict.
const FLAGS: [&str; 6] = ["--target=wasm32-wasi", "-O2", "-UNDEBUG", "-g0", "-mexec-model=reactor", STACK];

/// There is no unwinding in WebAssembly yet that every runtime has. The library's cheap checks, which zig takes out where it
/// optimises, are on: an empty `optional` that is read, as that of a column which is missing, and an index out of bounds cost
/// a submission its verdict.
const CXX_FLAGS: [&str; 4] = [
    "-fno-exceptions",
    "-fno-rtti",
    "-U_LIBCPP_HARDENING_MODE",
    "-D_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_FAST",
];

/// Compiles zig's libc++ once, apart from the plugin: it has thousands of warnings of its own, in which the author's
/// would be lost.
fn compile_libcxx(workshop: &Workshop<'_>) -> Result<(), ToolkitError> {
    let done = workshop.tools.place("zig-cache").join("libc++");
    if done.exists() {
        return Ok(());
    }
    (workshop.report)("zig c++: compiling its libc and libc++, once (some 40 s)");
    let empty = workshop.scratch().join("empty.cpp");
    sdk::write(&empty, b"")?;
    let mut cxx = zig(workshop, "c++")?;
    cxx.args(CXX_FLAGS).args(FLAGS).arg(&empty).arg("-o").arg(workshop.scratch().join("empty.wasm"));
    ZIG.run_quietly(&mut cxx)?;
    sdk::write(&done, b"")
}

fn without_debug_information(core: PathBuf) -> Result<Product, ToolkitError> {
    drop_debug_information(&core)?;
    Ok(Product::Core(core))
}

/// Drops the debug information of zig's libc, a megabyte. Whatever zig's linker is asked to strip, it strips function
/// names too, and those stay here, for the backtrace of a trap.
pub(super) fn drop_debug_information(file: &Path) -> Result<(), ToolkitError> {
    let module = fs::read(file).doing("read", file)?;
    let stripped = without_debug_sections(&module)
        .map_err(|error| ToolkitError::NotAPlugin { reason: error.to_string() })?;
    fs::write(file, stripped).doing("write", file)
}

fn without_debug_sections(module: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut kept = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        let debug =
            matches!(&payload, Payload::CustomSection(section) if section.name().starts_with(".debug_"));
        if let (Some((id, range)), false) = (payload.as_section(), debug) {
            kept.section(&RawSection { id, data: &module[range] });
        }
    }
    Ok(kept.finish())
}

/// The sources of the C SDK.
fn c_sdk(workshop: &Workshop<'_>) -> [PathBuf; 2] {
    let sdk = workshop.sdk("c");
    [sdk.join("gavel.c"), sdk.join("bindings/plugin.c")]
}

/// A command of zig's that runs in the plugin's folder. Its caches lie among the tools, so that the libc is compiled
/// once for all plugins.
pub(super) fn zig(workshop: &Workshop<'_>, command: &str) -> Result<Command, ToolkitError> {
    let ziglang = workshop.tools.wheels(&ZIGLANG, workshop.report)?;
    let cache = workshop.tools.place("zig-cache");
    let mut zig = Command::new(ziglang.join("ziglang/zig"));
    zig.current_dir(&workshop.folder).stdin(std::process::Stdio::null()).arg(command);
    zig.env("ZIG_GLOBAL_CACHE_DIR", &cache).env("ZIG_LOCAL_CACHE_DIR", &cache);
    Ok(zig)
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{CustomSection, NameMap, NameSection};

    use super::*;

    #[test]
    fn debug_information_goes_and_function_names_stay() {
        let mut names = NameMap::new();
        names.append(0, "gavel_verify");
        let mut named = NameSection::new();
        named.functions(&names);
        let mut without = Module::new();
        without.section(&named);
        let mut with = Module::new();
        with.section(&CustomSection { name: ".debug_info".into(), data: b"long".as_slice().into() });
        with.section(&named);
        assert_eq!(without_debug_sections(&with.finish()).unwrap(), without.finish());
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        assert!(without_debug_sections(b"\0asm\x01\0\0\0\x01").is_err());
    }
}
