//! What `group.cpp` offers, and its failures as errors.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::time::Duration;

use super::Error;
use crate::message::CAPACITY;

/// Calls a function of `group.cpp` with room for a message. `timeout` is what it waited for at most.
pub(super) fn call(
    timeout: Duration,
    function: impl FnOnce(*mut c_char, usize) -> c_int,
) -> Result<(), Error> {
    let mut message: [c_char; CAPACITY] = [0; CAPACITY];
    let code = function(message.as_mut_ptr(), CAPACITY);
    #[expect(unsafe_code, reason = "the other side writes less than the whole array, which was zero")]
    let text = || unsafe { CStr::from_ptr(message.as_ptr()) }.to_string_lossy().into_owned();
    // The numbers are those of `Code` in group.cpp.
    match code {
        0 => Ok(()),
        1 => Err(Error::TimedOut { seconds: timeout.as_secs(), what: text() }),
        2 => Err(Error::Ended(text())),
        _ => Err(Error::Refused(text())),
    }
}

#[expect(unsafe_code, reason = "declares what src/distributed/group.cpp defines")]
unsafe extern "C" {
    pub(super) fn gavel_store_serve(
        port: *mut u16,
        timeout_ms: i64,
        store: *mut *mut c_void,
        message: *mut c_char,
        capacity: usize,
    ) -> c_int;
    pub(super) fn gavel_store_close(store: *mut c_void);
    pub(super) fn gavel_group_open(
        host: *const c_char,
        port: u16,
        serves: bool,
        prefix: *const c_char,
        interface: *const c_char,
        rank: c_int,
        size: c_int,
        open_ms: i64,
        operation_ms: i64,
        opened: *mut *mut c_void,
        message: *mut c_char,
        capacity: usize,
    ) -> c_int;
    pub(super) fn gavel_group_add_nccl(
        group: *mut c_void,
        path: *const c_char,
        device: c_int,
        message: *mut c_char,
        capacity: usize,
    ) -> c_int;
    pub(super) fn gavel_group_all_reduce(
        group: *mut c_void,
        tensor: *const c_void,
        largest: bool,
        work: *mut *mut c_void,
        message: *mut c_char,
        capacity: usize,
    ) -> c_int;
    pub(super) fn gavel_group_broadcast(
        group: *mut c_void,
        tensor: *const c_void,
        root: c_int,
        work: *mut *mut c_void,
        message: *mut c_char,
        capacity: usize,
    ) -> c_int;
    pub(super) fn gavel_group_all_gather(
        group: *mut c_void,
        whole: *const c_void,
        part: *const c_void,
        work: *mut *mut c_void,
        message: *mut c_char,
        capacity: usize,
    ) -> c_int;
    pub(super) fn gavel_group_reduce_scatter(
        group: *mut c_void,
        part: *const c_void,
        whole: *const c_void,
        work: *mut *mut c_void,
        message: *mut c_char,
        capacity: usize,
    ) -> c_int;
    pub(super) fn gavel_work_wait(work: *mut c_void, message: *mut c_char, capacity: usize) -> c_int;
    pub(super) fn gavel_group_set(
        group: *mut c_void,
        key: *const c_char,
        text: *const u8,
        length: usize,
        message: *mut c_char,
        capacity: usize,
    ) -> c_int;
    pub(super) fn gavel_group_get(
        group: *mut c_void,
        key: *const c_char,
        text: *mut u8,
        room: usize,
        length: *mut usize,
        message: *mut c_char,
        capacity: usize,
    ) -> c_int;
    pub(super) fn gavel_group_add(
        group: *mut c_void,
        key: *const c_char,
        added: i64,
        sum: *mut i64,
        message: *mut c_char,
        capacity: usize,
    ) -> c_int;
    pub(super) fn gavel_group_disconnect(group: *mut c_void, message: *mut c_char, capacity: usize) -> c_int;
    pub(super) fn gavel_group_close(group: *mut c_void);
}
