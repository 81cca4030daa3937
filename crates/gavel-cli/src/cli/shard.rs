//! One slice of an input, as `--shard` names it.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// A slice of so many, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    of: u64,
}

impl Shard {
    /// The numbers of its lines, of so many: the slices are as long as each other but for a line, and one after the other
    /// they are the whole.
    pub fn lines(self, total: u64) -> Range<u64> {
        let end = |shards: u64| (u128::from(total) * u128::from(shards) / u128::from(self.of)) as u64 + 1;
        end(self.number - 1)..end(self.number)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) => Ok(Self { number, of }),
            _ => Err("a slice is I/N, from 1/N to N/N, such as 2/4".to_owned()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_the_whole_one_after_the_other() {
        for total in [0, 1, 7, 100, u64::MAX / 2] {
            for of in [1, 2, 3, 7, 150] {
                let slices: Vec<_> = (1..=of).map(|number| Shard { number, of }.lines(total)).collect();
                assert_eq!((slices[0].start, slices[slices.len() - 1].end), (1, total + 1));
                assert!(slices.windows(2).all(|pair| pair[0].end == pair[1].start), "{total} in {of}");
                let lengths = slices.iter().map(|slice| slice.end - slice.start);
                assert!(lengths.clone().max().unwrap() - lengths.min().unwrap() <= 1, "{total} in {of}");
            }
        }
    }

    #[test]
    fn a_slice_is_one_of_so_many() {
        assert_eq!("2/4".parse::<Shard>().unwrap().to_string(), "2/4");
        for text in ["", "2", "0/4", "5/4", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
