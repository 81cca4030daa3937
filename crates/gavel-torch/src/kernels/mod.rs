//! Kernels of our own, `kernels/*.cu`, each behind a function that checks what it is given.
//!
//! Every kernel has a twin of plain tensor operations in the tests beside it, and computes what the twin computes.

mod checks;
pub mod decode;
pub mod sample;

#[cfg(test)]
pub(crate) mod testing;
