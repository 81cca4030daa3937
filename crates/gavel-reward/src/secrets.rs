//! Secrets by the names that reward files have for them. Only who starts the process knows its environment.

use std::fmt;
use std::sync::Arc;

/// Looks up what a reward file names and must not hold: the keys of endpoints. By default there are none.
#[derive(Clone, Default)]
pub struct Secrets(Option<Arc<Lookup>>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Secrets {
    /// Those that `lookup` finds, such as the variables of the process's environment. It is asked when a reward is loaded.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(lookup)))
    }

    pub(crate) fn find(&self, name: &str) -> Option<String> {
        self.0.as_ref().and_then(|lookup| lookup(name))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}
