//! Compiles the crate again when a file of an SDK comes or goes: its files are embedded.

fn main() {
    println!("cargo::rerun-if-changed=../../sdk");
    println!("cargo::rerun-if-changed=tools");
}
