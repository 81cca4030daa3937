//! Builds the guests of `guests/`: components that tests load, hostile ones and what those need.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Builds the guests and says where one of them is.
pub(crate) fn guest(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).join(name).with_extension("wasm")
}

fn build() -> PathBuf {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/attacks/guests");
    // Beside this test's own target folder, whichever it is.
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../guests");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--workspace", "--release", "--quiet", "--target", "wasm32-wasip2", "--target-dir"])
        .arg(&target)
        .current_dir(guests)
        .status()
        .unwrap();
    assert!(status.success(), "the hostile guests do not build");
    target.join("wasm32-wasip2/release")
}
