//! What a plugin is asked about: one submission, or the completions of a prompt.

use gavel_verify::Submission;

use crate::guest;

/// The submissions of one call, of which there is at least one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    first: &'a Submission,
    rest: &'a [&'a Submission],
}

impl<'a> Asked<'a> {
    /// About one.
    pub(crate) fn one(submission: &'a Submission) -> Self {
        Self { first: submission, rest: &[] }
    }

    /// About all of them together; `None` where there is none.
    pub(crate) fn group(submissions: &'a [&'a Submission]) -> Option<Self> {
        submissions.split_first().map(|(first, rest)| Self { first, rest })
    }

    pub(crate) fn first(self) -> &'a Submission {
        self.first
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'a Submission> {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }

    pub(crate) fn count(self) -> usize {
        1 + self.rest.len()
    }

    /// A number that depends on everything the plugin is given and on nothing else, the same on every machine.
    pub(crate) fn seed(self, options: &str) -> u64 {
        guest::seed(self.iter(), options)
    }

    /// Bytes of the largest of them.
    pub(crate) fn largest(self) -> usize {
        let size = |submission: &Submission| {
            let Submission { prompt, completion, reference, metadata } = submission;
            prompt.len() + completion.len() + metadata.len() + reference.as_ref().map_or(0, String::len)
        };
        self.iter().map(size).max().unwrap_or(0)
    }
}
