//! How functions of the other side say what went wrong: a text that they leave in room of ours.

use std::ffi::{CStr, c_char};

/// Room for what libtorch says went wrong.
pub(crate) const CAPACITY: usize = 1024;

/// Calls `function` with room for a message, and panics with the message if it answers `false`, as every operation of
/// tch does.
///
/// `function` must leave the last byte of the room alone, which is 0.
pub(crate) fn checked(function: impl FnOnce(*mut c_char, usize) -> bool) {
    let mut message: [c_char; CAPACITY] = [0; CAPACITY];
    if !function(message.as_mut_ptr(), CAPACITY) {
        #[expect(unsafe_code, reason = "the other side writes less than the whole array, which was zero")]
        let message = unsafe { CStr::from_ptr(message.as_ptr()) };
        panic!("{}", message.to_string_lossy());
    }
}
