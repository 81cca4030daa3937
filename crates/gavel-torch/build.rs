//! Compiles the C++ behind the safe API, and sets where tests find libtorch.

use std::env;
use std::path::PathBuf;

#[path = "../libtorch-rpath.rs"]
mod libtorch_rpath;

const SOURCES: [&str; 6] = [
    "src/attention.cpp",
    "src/autograd.cpp",
    "src/flash.cpp",
    "src/memory.cpp",
    "src/optim.cpp",
    "src/stream.cpp",
];

fn main() {
    libtorch_rpath::main();
    for file in SOURCES.into_iter().chain(["src/shared.h"]) {
        println!("cargo:rerun-if-changed={file}");
    }
    println!("cargo:rerun-if-env-changed=LIBTORCH_INCLUDE");
    let root = env::var_os("LIBTORCH_INCLUDE").or_else(|| env::var_os("LIBTORCH")).map(PathBuf::from);
    let include =
        root.unwrap_or_else(|| panic!("LIBTORCH is not set: run `cargo xtask setup`")).join("include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .include(include)
        .warnings(false)
        .files(SOURCES)
        .compile("gavel_torch");
}
