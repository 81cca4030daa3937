//! Where a plugin's values live: memory that is handed out in a row, for an instance judges one submission and is gone.
//!
//! Most of what is allocated is small and short-lived, and a general allocator spends more on each than the value costs.
//! Here a value is an addition. What is given back is taken again where it was handed out last, as a text is that grows
//! or a list that is dropped; the rest stays lost, and what does not fit any more goes to the system's allocator.

#![expect(
    unsafe_code,
    reason = "an allocator is unsafe by its trait, and hands out parts of one static array"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How much is handed out in a row, in bytes. Most submissions need less than a quarter of it.
const SIZE: usize = 128 * 1024;

/// The memory, and how much of it is handed out.
#[repr(C, align(16))]
pub(crate) struct Arena {
    memory: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

// SAFETY: every part is handed out once until it is given back; instances of WebAssembly have one thread.
unsafe impl Sync for Arena {}

impl Arena {
    pub(crate) const fn new() -> Self {
        Self { memory: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) }
    }

    /// Where in the memory a part of it starts; at its end or behind it for what the system handed out.
    fn place(&self, part: *mut u8) -> usize {
        part.addr().wrapping_sub(self.memory.get().addr())
    }
}

// SAFETY: a part is aligned, lies within the memory, and overlaps none that is still in use: `used` only goes back over the
// part that was handed out last.
unsafe impl GlobalAlloc for Arena {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let start = self.used.load(Relaxed).next_multiple_of(layout.align());
        let end = start.saturating_add(layout.size());
        // The memory itself is aligned to 16 bytes.
        if end > SIZE || layout.align() > 16 {
            return unsafe { System.alloc(layout) };
        }
        self.used.store(end, Relaxed);
        unsafe { self.memory.get().cast::<u8>().add(start) }
    }

    #[inline]
    unsafe fn dealloc(&self, part: *mut u8, layout: Layout) {
        let start = self.place(part);
        if start >= SIZE {
            return unsafe { System.dealloc(part, layout) };
        }
        if start + layout.size() == self.used.load(Relaxed) {
            self.used.store(start, Relaxed);
        }
    }

    #[inline]
    unsafe fn realloc(&self, part: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let start = self.place(part);
        if start >= SIZE {
            return unsafe { System.realloc(part, layout, size) };
        }
        if start + layout.size() == self.used.load(Relaxed) && size <= SIZE - start {
            self.used.store(start + size, Relaxed);
            return part;
        }
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(part, moved, layout.size().min(size));
                self.dealloc(part, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    #[test]
    fn parts_are_aligned_and_apart_and_the_last_one_is_taken_again() {
        let arena = Box::new(Arena::new());
        unsafe {
            let one = arena.alloc(layout(3));
            let two = arena.alloc(layout(16));
            assert!(one.addr() % 8 == 0 && two.addr() % 8 == 0 && two.addr() >= one.addr() + 3);
            ptr::write_bytes(two, 7, 16);
            // The last part grows where it is, and one before it moves with what it holds.
            assert_eq!(arena.realloc(two, layout(16), 40), two);
            let moved = arena.realloc(one, layout(3), 20);
            assert!(moved.addr() >= two.addr() + 40 && *two == 7);
            arena.dealloc(moved, layout(20));
            assert_eq!(arena.alloc(layout(8)), moved);
        }
    }

    #[test]
    fn what_does_not_fit_comes_from_the_system() {
        let arena = Box::new(Arena::new());
        unsafe {
            let large = arena.alloc(layout(2 * SIZE));
            assert!(!large.is_null() && arena.place(large) >= SIZE);
            let large = arena.realloc(large, layout(2 * SIZE), 3 * SIZE);
            arena.dealloc(large, layout(3 * SIZE));
            let small = arena.alloc(layout(SIZE));
            assert_eq!(arena.place(small), 0);
            ptr::write_bytes(small, 1, SIZE);
            let grown = arena.realloc(small, layout(SIZE), SIZE + 1);
            assert!(arena.place(grown) >= SIZE && *grown == 1);
            arena.dealloc(grown, layout(SIZE + 1));
        }
    }
}
