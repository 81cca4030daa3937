//! DAPO's soft overlong punishment: eq. 13 of <https://arxiv.org/abs/2503.14476>.

use gavel_plugin::{Error, Verdict};

use crate::Unit;

/// No punishment up to `max - cache`, then a straight line down to -1 at `max`, and -1 beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoftOverlong {
    max: u64,
    cache: u64,
}

impl SoftOverlong {
    /// `max` is `L_max` and `cache` is `L_cache`, both in the same unit.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidOptions`] when nothing may be written, or when the punishment would start below length 0.
    pub fn new(max: u64, cache: u64) -> Result<Self, Error> {
        if max == 0 {
            return Err(Error::InvalidOptions("max_completion_len: must be above 0".to_owned()));
        }
        if cache > max {
            return Err(Error::InvalidOptions(format!(
                "soft_punish_cache: {cache} is more than max_completion_len, which is {max}"
            )));
        }
        Ok(Self { max, cache })
    }

    /// The punishment at this length: 0 down to -1.
    pub fn reward(self, length: u64) -> f64 {
        let free = self.max - self.cache;
        if length <= free {
            0.0
        } else if length <= self.max {
            // The cache is not empty here, since `free < length <= max`.
            -((length - free) as f64) / self.cache as f64
        } else {
            -1.0
        }
    }

    /// The verdict on a completion of this length.
    pub(crate) fn judge(self, length: u64, unit: Unit) -> Verdict {
        let (free, reward) = (self.max - self.cache, self.reward(length));
        Verdict::new(reward)
            .because(format!("{length} {unit}; free up to {free}, punished in full beyond {}", self.max))
            .metric("length", length as f64)
            .metric("if_correct", reward)
            .metric("if_wrong", reward)
            .metric("repeated", 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_meets_both_ends() {
        let rule = SoftOverlong::new(100, 20).unwrap();
        assert_eq!([80, 81, 90, 100, 101].map(|length| rule.reward(length)), [0.0, -0.05, -0.5, -1.0, -1.0]);
    }

    #[test]
    fn no_cache_is_a_step() {
        let rule = SoftOverlong::new(100, 0).unwrap();
        assert_eq!([100, 101].map(|length| rule.reward(length)), [0.0, -1.0]);
    }
}
