//! The first-party plugins, embedded: one binary is enough to score anywhere.

/// A plugin that comes with gavel.
#[derive(Clone, Copy)]
pub struct FirstParty {
    /// As a reward file calls it.
    pub name: &'static str,
    /// The compiled plugin.
    pub wasm: &'static [u8],
    /// The text of its `gavel.toml`.
    pub manifest: &'static str,
    /// The text of its `cases.jsonl`.
    pub cases: &'static str,
}

impl std::fmt::Debug for FirstParty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstParty").field("name", &self.name).field("bytes", &self.wasm.len()).finish()
    }
}

include!(concat!(env!("OUT_DIR"), "/first_party.rs"));

impl FirstParty {
    /// The first-party plugin called `name`.
    pub fn named(name: &str) -> Option<Self> {
        FIRST_PARTY.iter().find(|plugin| plugin.name == name).copied()
    }

    /// The names of all first-party plugins, in alphabetical order.
    pub fn names() -> Vec<&'static str> {
        FIRST_PARTY.iter().map(|plugin| plugin.name).collect()
    }
}
