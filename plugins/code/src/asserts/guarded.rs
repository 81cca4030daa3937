//! Tests that cannot be kept apart from the program, since they hand it functions or make classes of its classes.
//!
//! They run beside it, in one interpreter, after its syntax tree was vetted: no reflection, no hidden names, chosen
//! builtins and modules. That is as well as can be done there, and the verdict says so.

use gavel_plugin::Error;

use super::rounds::{Checked, report};
use super::{Suite, assertions_in};
use crate::drivers;
use crate::report::Report;
use crate::run::{Runner, is_limit, nonce, records, told};

pub(super) fn judge(program: &str, suite: &Suite<'_>, runner: &mut Runner<'_>) -> Result<Report, Error> {
    let nonce = nonce();
    let source =
        drivers::guard(program, suite.prefix.prelude(), suite.source, &suite.names.externals, &nonce);
    let outcome = runner.run(source, Vec::new())?;
    let records = records(&outcome.stdout, &nonce);
    let checked = records.get(&0).and_then(|json| serde_json::from_str::<Checked<'_>>(json.get()).ok());
    let report = match checked {
        Some(checked) => report(&checked, suite)?,
        None => Report::nothing_passed(
            assertions_in(suite.tree),
            format!("the tests broke off: {}", told(&outcome)),
        ),
    };
    Ok(Report { guarded: true, rounds: 1, limited: usize::from(is_limit(&outcome.ending)), ..report })
}
