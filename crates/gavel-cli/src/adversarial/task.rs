//! Tasks: what cases share, and which of their completions are right.

use indexmap::IndexMap;

use crate::cases::Case;

/// Cases that have everything in common but their completion.
#[derive(Debug)]
pub struct Task<'a> {
    /// The cases, in the order of the file. At least one.
    pub cases: Vec<&'a Case>,
}

/// The tasks of a plugin's cases, in the order of their first cases.
pub fn tasks(cases: &[Case]) -> Vec<Task<'_>> {
    let mut tasks: IndexMap<_, Vec<&Case>> = IndexMap::new();
    for case in cases {
        let submission = &case.submission;
        let shared = (&submission.prompt, &submission.reference, &submission.metadata, &case.options);
        tasks.entry(shared).or_default().push(case);
    }
    tasks.into_values().map(|cases| Task { cases }).collect()
}

impl<'a> Task<'a> {
    /// The case that the task is called after.
    pub fn first(&self) -> &'a Case {
        self.cases[0]
    }
}
