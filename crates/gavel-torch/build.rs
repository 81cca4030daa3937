//! Compiles the C++ behind the safe API, and sets where tests find libtorch. Where CUDA's and NCCL's headers lie beside
//! libtorch, it makes NCCL's half of process groups too, a library of its own that is opened at run time.

use std::env;
use std::path::{Path, PathBuf};

#[path = "../libtorch-rpath.rs"]
mod libtorch_rpath;

const SOURCES: [&str; 7] = [
    "src/attention.cpp",
    "src/autograd.cpp",
    "src/distributed/group.cpp",
    "src/flash.cpp",
    "src/memory.cpp",
    "src/optim.cpp",
    "src/stream.cpp",
];

const NCCL: &str = "src/distributed/nccl.cpp";

fn main() {
    libtorch_rpath::main();
    for file in
        SOURCES.into_iter().chain(["src/shared.h", "src/distributed/backend.h", "src/distributed/gloo", NCCL])
    {
        println!("cargo:rerun-if-changed={file}");
    }
    println!("cargo:rerun-if-env-changed=LIBTORCH_INCLUDE");
    let root = env::var_os("LIBTORCH_INCLUDE").or_else(|| env::var_os("LIBTORCH")).map(PathBuf::from);
    let root = root.unwrap_or_else(|| panic!("LIBTORCH is not set: run `cargo xtask setup`"));
    compiler(&root).files(SOURCES).compile("gavel_torch");
    nccl(&root);
}

fn compiler(root: &Path) -> cc::Build {
    let include = root.join("include");
    let mut compiler = cc::Build::new();
    compiler.cpp(true).std("c++17").warnings(false).include("src/distributed");
    compiler.include(include.join("torch/csrc/api/include")).include(include);
    compiler
}

/// Makes `libgavel_nccl.so`, where all that it includes is there. CUDA's wheels lie beside that of torch.
fn nccl(root: &Path) {
    let Ok(root) = root.canonicalize() else { return };
    let nvidia = root.with_file_name("nvidia");
    let folders = ["cu13", "nccl"].map(|name| nvidia.join(name).join("include"));
    // What ProcessGroupNCCL.hpp includes, down to the wheels of headers alone.
    let needed = [
        "nccl.h",
        "cuda_runtime.h",
        "crt/host_defines.h",
        "nv/target",
        "cublas_v2.h",
        "cusparse.h",
        "cusolver_common.h",
    ];
    let found = |header: &&str| folders.iter().any(|folder| folder.join(header).exists());
    if !needed.iter().all(|header| found(header)) {
        return;
    }
    let objects =
        compiler(&root).includes(&folders).flag("-Wno-interference-size").file(NCCL).compile_intermediates();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("libgavel_nccl.so");
    let mut link = compiler(&root).get_compiler().to_command();
    link.arg("-shared").args(objects).arg("-o").arg(&out).arg("-L").arg(root.join("lib"));
    link.args(["-ltorch_cuda", "-lc10_cuda", "-ltorch_cpu", "-lc10", "-Wl,--allow-shlib-undefined"]);
    if link.status().is_ok_and(|status| status.success()) {
        println!("cargo:rustc-env=GAVEL_NCCL_LIBRARY={}", out.display());
    } else {
        println!("cargo:warning=libgavel_nccl.so cannot be linked, so several ranks on CUDA will not work");
    }
}
