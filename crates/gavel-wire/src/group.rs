//! Which rows are the completions of one prompt.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use gavel_verify::{Submission, visible_name};

use crate::{Columns, Row};

/// The most rows of one group that are held together.
pub const MOST_OF_A_GROUP: usize = 16_384;

/// The most bytes of their texts. One that is larger is a group by itself.
const MOST_BYTES: usize = 256 << 20;

/// Groups that have ended are known by their hashes; of so many it is certain that they are.
const REMEMBERED: usize = 1 << 20;

/// The most characters of a value that an error shows.
const SHOWN: usize = 60;

/// What the completions of one prompt have in common, and no others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GroupKey {
    /// The value of the column that says it, as it is written.
    Column(String),
    /// Prompt and reference, where no column says it.
    Task(String, Option<String>),
}

/// Why a row is of no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// Others of its group came before, and rows of another group between them.
    #[error(
        "the rows of its group ({group}) are not next to each other, and the reward compares the completions of a group: sort \
         the rows by it"
    )]
    Scattered {
        /// What the group has in common.
        group: String,
    },
    /// The column says that it is of one group with others, and the prompts differ.
    #[error(
        "its column of the group says {group}, as that of the rows before it, whose prompt is another; `--group-column NAME`, \
         or `group` in `[columns]`, names the column that is the same in the completions of one prompt alone"
    )]
    OtherPrompt {
        /// The value of the column.
        group: String,
    },
    /// The group is larger than is held.
    #[error(
        "its group ({group}) has more than {MOST_OF_A_GROUP} rows or 256 MiB; `--group-column NAME`, or `group` in `[columns]`, names the \
         column that tells groups apart"
    )]
    TooLarge {
        /// What the group has in common.
        group: String,
    },
}

/// The group of the last row.
#[derive(Debug, Clone)]
struct Current {
    key: GroupKey,
    prompt: String,
    rows: usize,
    bytes: usize,
}

impl GroupKey {
    /// The key of a row's submission.
    pub fn of(row: &Row, columns: &Columns, submission: &Submission) -> Self {
        let mut named = columns.group.iter().filter_map(|name| row.find(name));
        match named.find(|value| value.get() != "null") {
            Some(value) => Self::Column(value.get().to_owned()),
            None => Self::of_task(submission),
        }
    }

    /// The key of a submission of which nothing else is known.
    pub fn of_task(submission: &Submission) -> Self {
        Self::Task(submission.prompt.clone(), submission.reference.clone())
    }

    fn shown(&self) -> String {
        match self {
            Self::Column(value) => format!("`{}`", visible_name(value, SHOWN)),
            Self::Task(prompt, _) => format!("prompt `{}`", visible_name(prompt, SHOWN)),
        }
    }
}

/// The places of the keys that are the same, in the order of their first ones.
pub fn grouped(keys: &[GroupKey]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<&GroupKey, usize> = HashMap::new();
    for (place, key) in keys.iter().enumerate() {
        let group = *known.entry(key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(place);
    }
    groups
}

/// Tells groups apart in rows that are read one by one: those of a group follow each other.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    current: Option<Current>,
    /// Those that have ended, by their hashes: the latest, and as many before them.
    ended: [HashSet<u64>; 2],
}

impl Groups {
    /// Whether the row's submission begins another group than that of the row before it.
    ///
    /// # Errors
    /// Where it is of no group; see [`GroupError`]. Then it is as if the row were not there.
    pub fn begins(&mut self, key: GroupKey, submission: &Submission) -> Result<bool, GroupError> {
        let Submission { prompt, completion, reference, metadata } = submission;
        let size =
            prompt.len() + completion.len() + metadata.len() + reference.as_ref().map_or(0, String::len);
        if let Some(current) = self.current.as_mut().filter(|current| current.key == key) {
            if current.prompt != *prompt {
                return Err(GroupError::OtherPrompt { group: key.shown() });
            }
            if current.rows == MOST_OF_A_GROUP || current.bytes.saturating_add(size) > MOST_BYTES {
                return Err(GroupError::TooLarge { group: key.shown() });
            }
            current.rows += 1;
            current.bytes += size;
            return Ok(false);
        }
        let hash = hash(&key);
        if self.ended.iter().any(|ended| ended.contains(&hash)) {
            return Err(GroupError::Scattered { group: key.shown() });
        }
        let current = Current { key, prompt: prompt.clone(), rows: 1, bytes: size };
        if let Some(before) = self.current.replace(current) {
            self.end(&before.key);
        }
        Ok(true)
    }

    /// As it was before the first row of the group of the last row.
    #[must_use]
    pub fn before_current(self) -> Self {
        Self { current: None, ..self }
    }

    fn end(&mut self, key: &GroupKey) {
        if self.ended[0].len() == REMEMBERED {
            self.ended.swap(0, 1);
            self.ended[0].clear();
        }
        self.ended[0].insert(hash(key));
    }
}

fn hash(key: &GroupKey) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key with its submission, of a row.
    fn read(line: &str) -> (GroupKey, Submission) {
        let (row, columns) = (Row::parse(line).unwrap(), Columns::default());
        let submission = row.submission(&columns).unwrap();
        (GroupKey::of(&row, &columns, &submission), submission)
    }

    fn begin(groups: &mut Groups, line: &str) -> Result<bool, GroupError> {
        let (key, submission) = read(line);
        groups.begins(key, &submission)
    }

    #[test]
    fn rows_of_one_task_or_of_one_column_are_a_group() {
        let mut groups = Groups::default();
        for (line, expected) in [
            (r#"{"prompt": "1+1", "completion": "a", "reference": 2}"#, true),
            (r#"{"prompt": "1+1", "completion": "b", "reference": 2, "id": 7}"#, false),
            // Another task with the same prompt.
            (r#"{"prompt": "1+1", "completion": "b", "reference": 3}"#, true),
            (r#"{"prompt": "2+2", "completion": "b", "prompt_id": 1}"#, true),
            (r#"{"prompt": "2+2", "completion": "c", "reference": 4, "prompt_id": 1}"#, false),
            (r#"{"prompt": "2+2", "completion": "c", "group": "x", "prompt_id": 1}"#, true),
            (r#"{"prompt": "2+2", "completion": "c", "group": null, "prompt_id": 2}"#, true),
        ] {
            assert_eq!(begin(&mut groups, line), Ok(expected), "{line}");
        }
    }

    #[test]
    fn what_is_no_group_is_said() {
        let mut groups = Groups::default();
        let of = |group: u32, prompt: &str| {
            format!(r#"{{"prompt": "{prompt}", "completion": "", "group": {group}}}"#)
        };
        assert_eq!(begin(&mut groups, &of(1, "p")), Ok(true));
        let other = begin(&mut groups, &of(1, "q")).unwrap_err();
        assert_eq!(other, GroupError::OtherPrompt { group: "`1`".to_owned() });
        assert_eq!(begin(&mut groups, &of(2, "p")), Ok(true));
        let scattered = begin(&mut groups, &of(1, "p")).unwrap_err();
        assert_eq!(scattered, GroupError::Scattered { group: "`1`".to_owned() });
        // The group that it came into goes on.
        assert_eq!(begin(&mut groups, &of(2, "p")), Ok(false));
    }

    #[test]
    fn a_group_is_bounded() {
        let mut groups = Groups::default();
        let (key, submission) = read(r#"{"prompt": "p", "completion": ""}"#);
        for place in 0..MOST_OF_A_GROUP {
            assert_eq!(groups.begins(key.clone(), &submission), Ok(place == 0));
        }
        let error = groups.begins(key, &submission).unwrap_err();
        assert!(matches!(error, GroupError::TooLarge { .. }), "{error}");
    }

    #[test]
    fn groups_of_a_list_need_not_be_next_to_each_other() {
        let keys = ["a", "b", "a", "c", "b"].map(|name| GroupKey::Column(name.to_owned()));
        assert_eq!(grouped(&keys), [vec![0, 2], vec![1, 4], vec![3]]);
    }
}
