//! What a rank that fails tells the others.

use std::ffi::CStr;
use std::time::{Duration, Instant};

use super::ffi::{self, call};
use super::{Error, ProcessGroup};

/// The most bytes of what a rank says of its failure.
const LONGEST_MESSAGE: usize = 16 << 10;

/// How long the rank with the store stays after its failure, for others to read why.
const HEARD_WITHIN: Duration = Duration::from_secs(5);

impl ProcessGroup {
    /// Leaves a text where other ranks find it that wonder why this one has ended, unless another has left one, and closes
    /// the connections, so that whoever waits for this rank fails at once. Nothing else can be done with the group.
    pub fn fail(&self, message: &str) {
        // A group that has failed already may have lost its store too; there is nobody to tell then.
        let _ = self.leave(message);
        let _ = call(self.timeouts.operation, |message, capacity| {
            #[expect(unsafe_code, reason = "the group lives")]
            unsafe {
                ffi::gavel_group_disconnect(self.as_ptr(), message, capacity)
            }
        });
        let until = Instant::now() + HEARD_WITHIN;
        while self.serves && self.size > 1 && Instant::now() < until {
            match self.add(c"heard", 0) {
                Ok(heard) if heard < self.size as i64 - 1 => std::thread::sleep(Duration::from_millis(20)),
                _ => return,
            }
        }
    }

    fn leave(&self, text: &str) -> Result<(), Error> {
        if self.add(c"failures", 1)? > 1 {
            return Ok(());
        }
        let text = &text.as_bytes()[..text.len().min(LONGEST_MESSAGE)];
        call(self.timeouts.operation, |message, capacity| {
            #[expect(unsafe_code, reason = "the group lives; the text is read before this returns")]
            unsafe {
                ffi::gavel_group_set(
                    self.as_ptr(),
                    c"failure".as_ptr(),
                    text.as_ptr(),
                    text.len(),
                    message,
                    capacity,
                )
            }
        })
    }

    /// What the first rank that failed has left by [`ProcessGroup::fail`]; `None` where none has.
    pub fn failure(&self) -> Option<String> {
        let (mut text, mut length) = (vec![0; LONGEST_MESSAGE], 0);
        let found = call(self.timeouts.operation, |message, capacity| {
            #[expect(unsafe_code, reason = "the group lives; no more is written than there is room")]
            unsafe {
                ffi::gavel_group_get(
                    self.as_ptr(),
                    c"failure".as_ptr(),
                    text.as_mut_ptr(),
                    text.len(),
                    &mut length,
                    message,
                    capacity,
                )
            }
        });
        found.ok().filter(|()| length > 0)?;
        let _ = self.add(c"heard", 1);
        text.truncate(length);
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    fn add(&self, key: &CStr, added: i64) -> Result<i64, Error> {
        let mut sum = 0;
        call(self.timeouts.operation, |message, capacity| {
            #[expect(unsafe_code, reason = "the group lives; one number is written")]
            unsafe {
                ffi::gavel_group_add(self.as_ptr(), key.as_ptr(), added, &mut sum, message, capacity)
            }
        })?;
        Ok(sum)
    }
}
