//! Write a gavel reward plugin in Rust: one trait, one macro.
//!
//! A plugin judges one completion at a time. This is a whole one:
//!
//! ```
//! use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier, export};
//!
//! struct ExactMatch;
//!
//! impl Verifier for ExactMatch {
//!     type Options = NoOptions;
//!     const NAME: &str = "exact-match";
//!     const VERSION: &str = "0.1.0";
//!     const SUMMARY: &str = "The completion is the reference, give or take white space around it.";
//!
//!     fn verify(submission: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
//!         Ok(Verdict::right_if(submission.completion().trim() == submission.reference()?.trim()))
//!     }
//! }
//!
//! export!(ExactMatch);
//! # fn main() {}
//! ```
//!
//! Build it with `cargo build --release --target wasm32-wasip2` as a `cdylib`; the `.wasm` file that comes out is
//! the plugin. `template/` beside this crate is a folder to copy, with a manifest, cases and a reward file.
//!
//! # What a plugin may count on
//!
//! * **Its options are right.** They are read into [`Verifier::Options`] before it is asked anything; what does not
//!   fit is refused with the name of the field, when the reward file is loaded.
//! * **A fresh instance.** Nothing survives from one submission to the next, so a `static` is never dirty, and
//!   whatever a plugin prepares it prepares for every submission: compile no table that one answer does not need.
//! * **No world.** No files, network, environment; clock and random numbers are virtual and the same for the same
//!   submission. A panic, an endless loop or too much memory costs this submission its verdict and nothing else.
//!
//! # Where to look
//!
//! [`Verifier`] is what you implement, [`export!`] what makes it a plugin. [`Submission`] is what you judge,
//! [`Verdict`] what you say, [`Error`] why you cannot say it. The same crate works natively: [`judge`] runs a
//! verifier in a unit test as the host would, and [`cases::check`] runs a whole `cases.jsonl`.
//!
//! A verifier that runs untrusted programs turns on the feature `interpreter`: it adds the module of that name, and
//! makes [`export!`] a plugin of the world `code-plugin`, which imports what runs them.
//!
//! A verifier that judges the completions of a prompt together implements [`GroupVerifier`], and is exported by
//! [`export_group!`] in the place of [`export!`].

pub mod cases;
mod error;
mod export;
mod group;
#[cfg(feature = "interpreter")]
pub mod interpreter;
mod json;
mod schema;
mod submission;
mod verdict;
mod verifier;

pub use error::Error;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use export::{Exported, bindings, group_bindings};
pub use group::{GroupVerifier, Judged, group_options_schema, judge_group};
pub use submission::Submission;
pub use verdict::{Verdict, excerpt};
pub use verifier::{NoOptions, Verifier, judge, options_schema};

/// Compiles the examples of the pages that are not in this crate's documentation.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../../../docs/plugins.md")]
    struct Plugins;
}
