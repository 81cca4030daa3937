//! The build script of every crate with binaries or tests on libtorch: they find the library that they were installed with
//! or built against, without an environment variable.

use std::env;
use std::path::PathBuf;

/// Cargo hands link arguments to the targets of the package that asks for them and to nobody else, which is why
/// each of these packages runs this script.
#[allow(
    clippy::print_stdout,
    reason = "cargo reads a build script's stdout; clippy knows that of build.rs alone"
)]
pub(crate) fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-env-changed=LIBTORCH_LIB");
    let root = env::var_os("LIBTORCH_LIB").or_else(|| env::var_os("LIBTORCH")).map(PathBuf::from);
    let unix = env::var_os("CARGO_CFG_UNIX").is_some();
    if unix {
        // Where an archive of ours was installed, libtorch lies beside the programs' folder.
        println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../libtorch/lib");
    }
    if let Some(root) = root.filter(|_| unix) {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", root.join("lib").display());
    }
}
