//! Outcomes by the minute, for the last hour.

use std::collections::VecDeque;
use std::time::Duration;

use gavel_verify::Status;
use serde::{Deserialize, Serialize};

use crate::stats::add_each;

/// The minutes that are kept.
const MINUTES: usize = 60;

#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct History {
    /// The last is now; those in which nothing happened are there too.
    minutes: VecDeque<Minute>,
}

/// What happened in a minute.
#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct Minute {
    /// Minutes since the start.
    number: u64,
    pub(crate) submissions: u64,
    /// In the order of [`Status::ALL`].
    pub(crate) outcomes: [u64; Status::ALL.len()],
}

impl History {
    /// The minute that it is, so long after the start.
    pub(crate) fn now(&mut self, since_start: Duration) -> &mut Minute {
        let number = since_start.as_secs() / 60;
        let next = self.minutes.back().map_or(number, |last| last.number + 1);
        // Hours in which nothing happened leave an hour of nothing.
        for number in next.max((number + 1).saturating_sub(MINUTES as u64))..=number {
            self.minutes.push_back(Minute { number, ..Minute::default() });
        }
        while self.minutes.len() > MINUTES {
            self.minutes.pop_front();
        }
        let last = self.minutes.len() - 1;
        &mut self.minutes[last]
    }

    /// Adds what happened in another process, whose minutes began at the same time.
    pub(crate) fn add(&mut self, other: &Self) {
        for theirs in &other.minutes {
            match self.minutes.binary_search_by_key(&theirs.number, |minute| minute.number) {
                Ok(place) => {
                    self.minutes[place].submissions += theirs.submissions;
                    add_each(&mut self.minutes[place].outcomes, &theirs.outcomes);
                }
                Err(place) => self.minutes.insert(place, theirs.clone()),
            }
        }
        while self.minutes.len() > MINUTES {
            self.minutes.pop_front();
        }
    }

    /// The minutes up to the last that was asked for.
    pub(crate) fn minutes(&self) -> impl ExactSizeIterator<Item = &Minute> {
        self.minutes.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hour_is_kept_and_gaps_are_minutes_too() {
        let mut history = History::default();
        for second in [0, 30, 60, 600, 3_600_000] {
            history.now(Duration::from_secs(second)).submissions += 1;
            let counts: Vec<u64> = history.minutes().map(|minute| minute.submissions).collect();
            match second {
                30 => assert_eq!(counts, [2]),
                60 => assert_eq!(counts, [2, 1]),
                600 => assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
                3_600_000 => assert_eq!((counts.len(), counts.last()), (60, Some(&1))),
                _ => {}
            }
        }
    }
}
