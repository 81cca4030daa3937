//! What a score depends on besides its submission.

use crate::Limits;

/// Everything that the scores of a reward depend on besides the submissions: with the same version, the same submission
/// has the same score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The version of gavel.
    pub gavel: String,
    /// The engine that runs plugins, with its version. How much fuel a plugin spends follows from it.
    pub engine: String,
    /// The reward file as it was named; plugins are looked for from its folder.
    pub file: String,
    /// The text of the reward file: formula, conditions, routes, prices.
    pub text: String,
    /// What judges, in the order of the reward file.
    pub verifiers: Vec<VerifierVersion>,
}

/// Everything that the outcomes of one verifier depend on besides the submissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierVersion {
    /// The name in the reward file.
    pub name: String,
    /// The digest (sha256, hex) of the plugin.
    pub plugin: String,
    /// The digests of the interpreters that it may use, by language.
    pub interpreters: Vec<(String, String)>,
    /// Its options: a JSON object as text.
    pub options: String,
    /// Its limits: what the reward file says, else the plugin's manifest, else gavel.
    pub limits: Limits,
}
