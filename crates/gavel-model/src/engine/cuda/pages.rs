//! Which pages of the cache are free. A page holds the keys and values of some tokens, in all layers.

/// The free pages.
#[derive(Debug)]
pub(super) struct Pages {
    free: Vec<i32>,
}

impl Pages {
    pub(super) fn new(count: i32) -> Self {
        // The first page is taken first, so that a run takes the same ones every time.
        Self { free: (0..count).rev().collect() }
    }

    /// Takes `count` pages, or none if there are fewer.
    pub(super) fn take(&mut self, count: usize) -> Option<Vec<i32>> {
        let left = self.free.len().checked_sub(count)?;
        let mut taken = self.free.split_off(left);
        taken.reverse();
        Some(taken)
    }

    /// Gives pages back.
    pub(super) fn give(&mut self, pages: Vec<i32>) {
        self.free.extend(pages.into_iter().rev());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_taken_whole_and_given_back() {
        let mut pages = Pages::new(3);
        assert_eq!(pages.take(2), Some(vec![0, 1]));
        assert_eq!(pages.take(2), None);
        assert_eq!(pages.take(0), Some(vec![]));
        pages.give(vec![0, 1]);
        assert_eq!(pages.take(3), Some(vec![0, 1, 2]));
    }
}
