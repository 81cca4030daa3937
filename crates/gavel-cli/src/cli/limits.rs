//! Lower limits than the reward file's, as a command line says them.

use clap::Args;
use gavel_plugins::LimitSettings;
use serde_json::{Map, Value};

/// Lower limits than the reward file's.
#[derive(Debug, Clone, Default, Args)]
pub struct LimitArgs {
    /// The most instructions of a verifier for a submission, such as 5_000_000, where the reward file allows more.
    #[arg(long, value_name = "N")]
    pub fuel: Option<String>,
    /// The most memory of a verifier, such as 64MiB, where the reward file allows more.
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// The most processor time of a verifier for a submission, such as 500ms, where the reward file allows more.
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
    /// Any other limit of a reward file, by its name there, such as `programs.runs=1`, lower than it is; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub limit: Vec<String>,
}

impl LimitArgs {
    /// What they say; `None` where they say nothing.
    ///
    /// # Errors
    /// Where one is no limit, or stands there twice.
    pub fn settings(&self) -> anyhow::Result<Option<LimitSettings>> {
        let own = [("fuel", &self.fuel), ("memory", &self.memory), ("timeout", &self.timeout)];
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let mut limits = own.map(Ok).collect::<Vec<anyhow::Result<_>>>();
        limits.extend(self.limit.iter().map(|limit| {
            let parts = limit.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            parts
                .ok_or_else(|| anyhow::anyhow!("--limit {limit}: write NAME=VALUE, such as `fuel=5_000_000`"))
        }));
        if limits.is_empty() {
            return Ok(None);
        }
        let mut table = Map::new();
        for limit in limits {
            let (name, value) = limit?;
            let (table, key) = match name.split_once('.') {
                Some((outer, key)) => {
                    let inner = table.entry(outer).or_insert_with(|| Map::new().into());
                    let inner = inner.as_object_mut();
                    (inner.ok_or_else(|| anyhow::anyhow!("`{outer}` is a limit and a table of limits"))?, key)
                }
                None => (&mut table, name),
            };
            // A reward file writes numbers with or without `_`, and everything with a unit as a text.
            let number = value.replace('_', "").parse::<u64>();
            let value = number.map_or_else(|_| Value::from(value), Value::from);
            anyhow::ensure!(
                table.insert(key.to_owned(), value).is_none(),
                "the limit `{name}` stands there twice"
            );
        }
        LimitSettings::of_json(&table.into()).map(Some).map_err(anyhow::Error::msg)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(limit: &[&str]) -> Result<LimitSettings, String> {
        let limit = limit.iter().map(|&limit| limit.to_owned()).collect();
        let args = LimitArgs { fuel: Some("5_000".to_owned()), limit, ..LimitArgs::default() };
        args.settings().map(Option::unwrap).map_err(|error| error.to_string())
    }

    #[test]
    fn every_limit_of_a_reward_file_can_be_said() {
        assert_eq!(LimitArgs::default().settings().unwrap(), None);
        let said =
            read(&["timeout = 500ms", "memory=64MiB", "programs.runs=1", "programs.fuel=2_000"]).unwrap();
        assert_eq!((said.fuel, said.timeout), (Some(5000), Some(Duration::from_millis(500))));
        assert_eq!(
            (said.memory, said.programs.runs, said.programs.fuel),
            (Some(64 << 20), Some(1), Some(2000))
        );
    }

    #[test]
    fn what_is_no_limit_is_said() {
        for (limit, expected) in [
            ("timeout", "--limit timeout: write NAME=VALUE"),
            ("fule=3", "fule"),
            ("fuel=3", "the limit `fuel` stands there twice"),
            ("fuel.x=3", "`fuel` is a limit and a table of limits"),
            ("programs.rums=3", "rums"),
            ("timeout=fast", "timeout"),
        ] {
            let error = read(&[limit]).unwrap_err();
            assert!(error.contains(expected), "{limit}: {error}");
        }
    }
}
