//! A language model behind an OpenAI-compatible endpoint as a verifier: it is shown a submission and answers with JSON, of
//! which one field is the reward.
//!
//! A [`Judge`] asks and waits, and holds no thread meanwhile. A call that fails, in whatever way, is an outcome without
//! verdict. What was asked and answered is in the outcome ([`gavel_verify::Call`]), and gives the same outcome again
//! without the endpoint.
//!
//! ```
//! use gavel_judge::{Judge, JudgeSettings};
//! use gavel_verify::{AsyncVerifier, Call, Submission};
//!
//! let judge = Judge::new(JudgeSettings {
//!     endpoint: "http://127.0.0.1:8000/v1".to_owned(),
//!     model: "judge-8b".to_owned(),
//!     template: "How helpful is this?\n{{ completion }}".to_owned(),
//!     schema: serde_json::json!({
//!         "type": "object",
//!         "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
//!         "required": ["score"],
//!     }),
//!     ..JudgeSettings::default()
//! })?;
//! let submission = Submission { completion: "Restart it.".to_owned(), ..Submission::default() };
//! let answer = r#"{"model": "judge-8b", "content": "{\"score\": 4}"}"#;
//! let call = Call { request: judge.request_digest(&submission)?, answer: Ok(answer.to_owned()) };
//! assert_eq!(judge.replay(&submission, Some(&call)).reward(), Some(4.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod client;
mod counts;
mod judge;
mod prompt;
mod settings;

pub use counts::JudgeCounts;
pub use judge::Judge;
pub use settings::{JudgeError, JudgeSettings, Key, Price, ResponseFormat};
