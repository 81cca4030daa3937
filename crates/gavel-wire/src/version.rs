//! What a score depends on besides its submission, as records have it, and what differs between two of them.

use gavel_verify::{Limits, ProgramLimits, VerifierVersion, Version};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A [`Version`], as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionForm {
    /// The version of gavel.
    pub gavel: String,
    /// The engine that runs plugins.
    pub engine: String,
    /// The reward file.
    pub reward: RewardForm,
    /// What judges, by name, in the order of the reward file.
    pub verifiers: IndexMap<String, VerifierForm>,
}

/// A reward file, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RewardForm {
    /// What it is called; plugins are looked for from its folder.
    pub file: String,
    /// Its whole text.
    pub text: String,
}

/// A verifier, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifierForm {
    /// `sha256:` and the digest of the plugin.
    pub plugin: String,
    /// The same of the interpreters that it may use, by language.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub interpreters: IndexMap<String, String>,
    /// Its options, an object.
    pub options: Value,
    /// Its limits, an object with the fields of a reward file: counts, bytes and seconds.
    pub limits: Value,
}

/// One thing that is not what it was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VersionDifference {
    /// Which: `engine`, `verifiers.accuracy.options.order`, `reward.toml:3`.
    pub what: String,
    /// What the record says.
    pub recorded: String,
    /// What is there now.
    pub now: String,
    /// Whether it is a release of gavel or of its engine, and not what judges: scores may be the same all the same.
    pub is_release: bool,
}

/// What stands in the place of what is not there.
const NONE: &str = "none";

/// The most characters of a value that a difference shows.
const VALUE: usize = 200;

impl From<&Version> for VersionForm {
    fn from(version: &Version) -> Self {
        let verifiers = version.verifiers.iter();
        Self {
            gavel: version.gavel.clone(),
            engine: version.engine.clone(),
            reward: RewardForm { file: version.file.clone(), text: version.text.clone() },
            verifiers: verifiers.map(|verifier| (verifier.name.clone(), verifier.into())).collect(),
        }
    }
}

impl From<&VerifierVersion> for VerifierForm {
    fn from(verifier: &VerifierVersion) -> Self {
        let prefixed = |digest: &str| format!("sha256:{digest}");
        let interpreters = verifier.interpreters.iter();
        Self {
            plugin: prefixed(&verifier.plugin),
            interpreters: interpreters.map(|(name, digest)| (name.clone(), prefixed(digest))).collect(),
            // What was checked to be an object is one.
            options: serde_json::from_str(&verifier.options).unwrap_or_default(),
            limits: limits(&verifier.limits),
        }
    }
}

/// Every field is named, so that a limit that is added is not forgotten here.
fn limits(limits: &Limits) -> Value {
    let Limits { fuel, memory, table_elements, timeout, input, output, programs } = limits;
    let ProgramLimits {
        fuel: program_fuel,
        memory: program_memory,
        timeout: program_timeout,
        output: program_output,
        runs,
        total_fuel,
        total_timeout,
    } = programs;
    serde_json::json!({
        "fuel": fuel,
        "memory": memory,
        "table_elements": table_elements,
        "timeout": timeout.as_secs_f64(),
        "input": input,
        "output": output,
        "programs": {
            "fuel": program_fuel,
            "memory": program_memory,
            "timeout": program_timeout.as_secs_f64(),
            "output": program_output,
            "runs": runs,
            "total_fuel": total_fuel,
            "total_timeout": total_timeout.as_secs_f64(),
        },
    })
}

impl VersionForm {
    /// What is `now` not as it is recorded here. Where the reward file lies is no difference.
    pub fn differences(&self, now: &Self) -> Vec<VersionDifference> {
        let mut found = Differences::default();
        found.texts("gavel", Some(&self.gavel), Some(&now.gavel));
        found.texts("engine", Some(&self.engine), Some(&now.engine));
        found.0.iter_mut().for_each(|difference| difference.is_release = true);
        for name in names(&self.verifiers, &now.verifiers) {
            let at = format!("verifiers.{name}");
            match (self.verifiers.get(name), now.verifiers.get(name)) {
                (Some(recorded), Some(now)) => found.verifier(&at, recorded, now),
                (recorded, now) => {
                    let plugin = |form: Option<&VerifierForm>| form.map(|form| form.plugin.clone());
                    found.texts(&at, plugin(recorded).as_deref(), plugin(now).as_deref());
                }
            }
        }
        found.lines(&now.reward.file, &self.reward.text, &now.reward.text);
        found.0
    }
}

#[derive(Default)]
struct Differences(Vec<VersionDifference>);

impl Differences {
    fn texts(&mut self, what: &str, recorded: Option<&str>, now: Option<&str>) {
        if recorded != now {
            let shown = |text: Option<&str>| text.unwrap_or(NONE).chars().take(VALUE).collect();
            let (recorded, now) = (shown(recorded), shown(now));
            self.0.push(VersionDifference { what: what.to_owned(), recorded, now, is_release: false });
        }
    }

    fn verifier(&mut self, at: &str, recorded: &VerifierForm, now: &VerifierForm) {
        self.texts(&format!("{at}.plugin"), Some(&recorded.plugin), Some(&now.plugin));
        for language in names(&recorded.interpreters, &now.interpreters) {
            let of = |form: &VerifierForm| form.interpreters.get(language).cloned();
            let (recorded, now) = (of(recorded), of(now));
            self.texts(&format!("{at}.interpreters.{language}"), recorded.as_deref(), now.as_deref());
        }
        self.values(&format!("{at}.options"), Some(&recorded.options), Some(&now.options));
        self.values(&format!("{at}.limits"), Some(&recorded.limits), Some(&now.limits));
    }

    /// The innermost fields that differ.
    fn values(&mut self, at: &str, recorded: Option<&Value>, now: Option<&Value>) {
        if let (Some(Value::Object(recorded)), Some(Value::Object(now))) = (recorded, now) {
            let added = now.keys().filter(|name| !recorded.contains_key(*name));
            for name in recorded.keys().chain(added) {
                self.values(&format!("{at}.{name}"), recorded.get(name), now.get(name));
            }
        } else {
            let text = |value: Option<&Value>| value.map(Value::to_string);
            self.texts(at, text(recorded).as_deref(), text(now).as_deref());
        }
    }

    /// The first line that differs.
    fn lines(&mut self, file: &str, recorded: &str, now: &str) {
        if recorded == now {
            return;
        }
        let same = recorded.lines().zip(now.lines()).take_while(|(recorded, now)| recorded == now).count();
        let at = format!("{file}:{}", same + 1);
        match (recorded.lines().nth(same), now.lines().nth(same)) {
            // Only the ends of lines are others.
            (None, None) => self.texts(file, Some("other ends of lines"), Some("")),
            (recorded, now) => self.texts(&at, recorded, now),
        }
    }
}

/// The names of both, those of the first in its order.
fn names<'a, T>(
    one: &'a IndexMap<String, T>,
    other: &'a IndexMap<String, T>,
) -> impl Iterator<Item = &'a String> {
    one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version() -> Version {
        Version {
            gavel: "0.1.0".to_owned(),
            engine: "wasmtime 1".to_owned(),
            file: "reward.toml".to_owned(),
            text: "[verifiers.a]\nplugin = 'math'\n".to_owned(),
            verifiers: vec![VerifierVersion {
                name: "a".to_owned(),
                plugin: "ab".to_owned(),
                interpreters: vec![("python".to_owned(), "cd".to_owned())],
                options: r#"{"order":["boxed"]}"#.to_owned(),
                limits: Limits::default(),
            }],
        }
    }

    fn differences(change: impl FnOnce(&mut Version)) -> Vec<(String, String, String, bool)> {
        let (recorded, mut now) = (version(), version());
        change(&mut now);
        let found = VersionForm::from(&recorded).differences(&VersionForm::from(&now));
        found.into_iter().map(|it| (it.what, it.recorded, it.now, it.is_release)).collect()
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let form = VersionForm::from(&version());
        let text = serde_json::to_string(&form).unwrap();
        assert_eq!(serde_json::from_str::<VersionForm>(&text).unwrap(), form);
        assert!(text.contains(r#""timeout":10.0"#), "{text}");
    }

    #[test]
    fn every_part_is_named_where_it_differs() {
        let one = |what: &str, recorded: &str, now: &str, is_release| {
            vec![(what.to_owned(), recorded.to_owned(), now.to_owned(), is_release)]
        };
        assert_eq!(differences(|_| {}), []);
        assert_eq!(differences(|now| now.file = "elsewhere/reward.toml".to_owned()), []);
        assert_eq!(
            differences(|now| now.engine = "wasmtime 2".to_owned()),
            one("engine", "wasmtime 1", "wasmtime 2", true)
        );
        assert_eq!(
            differences(|now| now.verifiers[0].plugin = "ef".to_owned()),
            one("verifiers.a.plugin", "sha256:ab", "sha256:ef", false)
        );
        assert_eq!(
            differences(|now| now.verifiers[0].interpreters.clear()),
            one("verifiers.a.interpreters.python", "sha256:cd", "none", false)
        );
        assert_eq!(
            differences(|now| now.verifiers[0].options = r#"{"order":["last"]}"#.to_owned()),
            one("verifiers.a.options.order", r#"["boxed"]"#, r#"["last"]"#, false)
        );
        assert_eq!(
            differences(|now| now.verifiers[0].limits.programs.runs = 7),
            one("verifiers.a.limits.programs.runs", "1000", "7", false)
        );
        assert_eq!(
            differences(|now| now.text = now.text.replace("math", "string")),
            one("reward.toml:2", "plugin = 'math'", "plugin = 'string'", false)
        );
        assert_eq!(differences(|now| now.verifiers.clear()), one("verifiers.a", "sha256:ab", "none", false));
    }
}
