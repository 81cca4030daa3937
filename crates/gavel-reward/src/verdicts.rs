//! Verdicts that are known already. A verdict is a function of plugin, interpreters, options, limits and submission, so
//! that who asks again is given what was said before.
//!
//! What depends on the machine is never kept: a deadline, or that the host failed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gavel_verify::{Call, Failure, Limits, Outcome, Submission, Verdict};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

/// Bytes that an entry takes besides its texts: its key twice, and its place in the cache.
const OVERHEAD: u64 = 160;

/// What a small entry comes to, from which follows how many there are about.
const USUAL: u64 = 512;

/// What was said, by all that it depends on. Bounded in bytes; what was not asked for lately makes room.
pub(crate) struct Verdicts {
    cache: Cache<Key, Known, Bytes>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// What became of the verdicts that a workspace keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerdictCounts {
    /// Submissions that were answered from what was known.
    pub hits: u64,
    /// Those that a plugin was asked about.
    pub misses: u64,
    /// Verdicts that are kept.
    pub kept: u64,
    /// Bytes that they take.
    pub bytes: u64,
}

/// Everything that the outcomes of one verifier depend on besides the submission.
#[derive(Clone)]
pub(crate) struct Question(Sha256);

/// A digest: whoever writes completions could make two with one checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

#[derive(Debug, Clone)]
struct Known {
    result: Result<Verdict, Failure>,
    fuel: Option<u64>,
    call: Option<Box<Call>>,
}

#[derive(Debug, Clone)]
struct Bytes;

impl Verdicts {
    /// Keeps up to so many bytes; `None` where that is nothing.
    pub(crate) fn with_room(bytes: u64) -> Option<Self> {
        let estimate = usize::try_from(bytes / USUAL).unwrap_or(usize::MAX).clamp(1, 1 << 20);
        let new = || Self {
            cache: Cache::with_weighter(estimate, bytes, Bytes),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        };
        (bytes > 0).then(new)
    }

    /// What was said before.
    pub(crate) fn find(&self, key: &Key, asked: Instant) -> Option<Outcome> {
        let found = self.cache.get(key);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        let Known { result, fuel, call } = found?;
        Some(Outcome { result, fuel, elapsed: asked.elapsed(), output: None, cached: true, call })
    }

    /// Keeps what was said, where it would be said again on any machine. Who was asked by a call may say something else
    /// the next time: of them, only verdicts are kept.
    pub(crate) fn keep(&self, key: Key, outcome: &Outcome) {
        let Outcome { result, fuel, call, .. } = outcome;
        let of_the_machine = matches!(result, Err(Failure::HostFailed(_) | Failure::Deadline { .. }));
        if !of_the_machine && (result.is_ok() || call.is_none()) {
            self.cache.insert(key, Known { result: result.clone(), fuel: *fuel, call: call.clone() });
        }
    }

    pub(crate) fn counts(&self) -> VerdictCounts {
        VerdictCounts {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            kept: self.cache.len() as u64,
            bytes: self.cache.weight(),
        }
    }
}

impl std::fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Verdicts").field(&self.counts()).finish()
    }
}

impl Question {
    /// `digests` are those of the plugin and of its interpreters, with their names.
    pub(crate) fn new(digests: &[(String, String)], options: &str, limits: &Limits) -> Self {
        let mut hash = Sha256::new();
        for (name, digest) in digests {
            // Of the verifier's own name no plugin knows.
            add(&mut hash, name.split_once('/').map_or("", |(_, language)| language));
            add(&mut hash, digest);
        }
        add(&mut hash, options);
        add(&mut hash, &format!("{limits:?}"));
        Self(hash)
    }

    /// The key of the outcome for a submission.
    pub(crate) fn about(&self, submission: &Submission) -> Key {
        let Submission { prompt, completion, reference, metadata } = submission;
        let mut hash = self.0.clone();
        add(&mut hash, prompt);
        add(&mut hash, completion);
        hash.update([u8::from(reference.is_some())]);
        add(&mut hash, reference.as_deref().unwrap_or_default());
        add(&mut hash, metadata);
        Key(hash.finalize().into())
    }
}

/// Adds a text so that no two lists of texts are the same bytes.
fn add(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text);
}

impl Weighter<Key, Known> for Bytes {
    fn weight(&self, _: &Key, known: &Known) -> u64 {
        let texts = match &known.result {
            Ok(verdict) => {
                let metrics = verdict.metrics.iter().map(|(name, _)| name.len() + size_of::<(String, f64)>());
                verdict.reason.as_ref().map_or(0, String::len) + metrics.sum::<usize>()
            }
            Err(Failure::Trap { message, backtrace }) => {
                message.len() + backtrace.iter().map(|frame| frame.len() + size_of::<String>()).sum::<usize>()
            }
            Err(failure) => failure.to_string().len(),
        };
        let call = known.call.as_ref().map_or(0, |call| {
            let (Ok(answer) | Err(answer)) = &call.answer;
            size_of::<Call>() + call.request.len() + answer.len()
        });
        OVERHEAD + (size_of::<Known>() + texts + call) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn submission(completion: &str) -> Submission {
        Submission { completion: completion.to_owned(), ..Submission::default() }
    }

    fn question(digest: &str, options: &str, limits: &Limits) -> Question {
        Question::new(&[("accuracy".to_owned(), digest.to_owned())], options, limits)
    }

    fn verdict(reward: f64) -> Outcome {
        Outcome { fuel: Some(7), ..Outcome::verdict(Verdict::new(reward), Duration::from_secs(1)) }
    }

    #[test]
    fn all_that_a_verdict_depends_on_is_in_its_key() {
        let limits = Limits::default();
        let key = |question: Question, submission: &Submission| question.about(submission);
        let one = key(question("a", "{}", &limits), &submission("x"));
        assert_eq!(one, key(question("a", "{}", &limits), &submission("x")));
        let less = Limits { fuel: 1, ..limits.clone() };
        let programs = Limits {
            programs: gavel_verify::ProgramLimits { runs: 1, ..limits.programs.clone() },
            ..limits.clone()
        };
        let interpreted = Question::new(
            &[("accuracy".to_owned(), "a".to_owned()), ("accuracy/python".to_owned(), "b".to_owned())],
            "{}",
            &limits,
        );
        let x = submission("x");
        let others = [
            key(question("b", "{}", &limits), &x),
            key(question("a", r#"{"a": 1}"#, &limits), &x),
            key(question("a", "{}", &less), &x),
            key(question("a", "{}", &programs), &x),
            key(interpreted, &x),
            key(question("a", "{}", &limits), &submission("y")),
            key(
                question("a", "{}", &limits),
                &Submission { prompt: "x".to_owned(), ..Submission::default() },
            ),
            key(question("a", "{}", &limits), &Submission { reference: Some(String::new()), ..x.clone() }),
            key(question("a", "{}", &limits), &Submission { metadata: "{}".to_owned(), ..x.clone() }),
        ];
        for (place, other) in others.iter().enumerate() {
            assert_ne!(one, *other, "{place}");
            assert!(!others[place + 1..].contains(other), "{place}");
        }
        // Two verifiers with one plugin are asked once.
        let renamed = Question::new(&[("other".to_owned(), "a".to_owned())], "{}", &limits);
        assert_eq!(one, renamed.about(&x));
    }

    #[test]
    fn what_was_said_is_said_again_and_what_depends_on_the_machine_is_not_kept() {
        let verdicts = Verdicts::with_room(1 << 20).unwrap();
        let question = question("a", "{}", &Limits::default());
        let key = |name: &str| question.about(&submission(name));
        let find = |name: &str| verdicts.find(&key(name), Instant::now());
        assert_eq!(find("right"), None);
        verdicts.keep(key("right"), &verdict(1.0));
        let fuel = Outcome::failure(Failure::OutOfFuel { limit: 3 }, Duration::ZERO);
        verdicts.keep(key("fuel"), &fuel);
        let host = Outcome::failure(Failure::HostFailed("no memory".to_owned()), Duration::ZERO);
        verdicts.keep(key("host"), &host);
        let late = Outcome::failure(Failure::Deadline { limit: Duration::from_secs(1) }, Duration::ZERO);
        verdicts.keep(key("late"), &late);
        let again = find("right").unwrap();
        assert_eq!((&again.result, again.fuel, again.cached), (&verdict(1.0).result, Some(7), true));
        assert!(again.elapsed < Duration::from_secs(1), "it took no second this time");
        assert_eq!(find("fuel").unwrap().result, fuel.result);
        assert_eq!((find("host"), find("late")), (None, None));
        let VerdictCounts { hits, misses, kept, bytes } = verdicts.counts();
        assert_eq!((hits, misses, kept), (2, 3, 2));
        assert!((300..2000).contains(&bytes), "{bytes}");
        assert!(Verdicts::with_room(0).is_none());
    }

    #[test]
    fn it_stays_within_its_bytes() {
        let verdicts = Verdicts::with_room(100_000).unwrap();
        let question = question("a", "{}", &Limits::default());
        for number in 0..10_000 {
            let reason = Some("because ".repeat(20));
            let outcome = Outcome { result: Ok(Verdict { reason, ..Verdict::new(1.0) }), ..verdict(1.0) };
            verdicts.keep(question.about(&submission(&number.to_string())), &outcome);
        }
        let counts = verdicts.counts();
        assert!(counts.bytes <= 100_000 && counts.kept > 50, "{counts:?}");
    }
}
