//! A reward that takes up what changes on disk, whenever its owner says so.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use gavel_verify::{Change, Group, Refreshed, Reply, Reward, Submission, Version};

use crate::error::RewardError;
use crate::file::RewardFile;
use crate::load::Functions;
use crate::lowered::RaisedLimit;
use crate::reward::{PluginReward, Terms};
use crate::workspace::Workspace;
use gavel_files::sha256;
use gavel_plugins::{LimitSettings, WatchedFiles, with_causes};

/// A [`PluginReward`] that [`Reward::refresh`] loads anew where its reward file, a plugin, a manifest or an
/// interpreter has changed, or one that was looked for has come to be.
///
/// It has no thread and watches nothing by itself: nothing changes unless `refresh` is called. Submissions that are
/// on their way when it is called are judged to their end by what they were submitted to. What cannot be loaded is
/// refused once, and again only after another change; what judged before goes on.
pub struct ReloadingReward {
    path: PathBuf,
    /// The text of the reward file where it is no file.
    text: Option<String>,
    workspace: Workspace,
    /// What holds in place of the reward file's limits, where these are higher.
    limits: Option<LimitSettings>,
    current: RwLock<PluginReward>,
    watched: Mutex<Watched>,
}

/// What a refresh needs besides what judges.
struct Watched {
    /// What the reward that judges was made from.
    current: WatchedFiles,
    /// What was looked at when loading failed, where it did since.
    refused: Option<WatchedFiles>,
}

impl ReloadingReward {
    /// Loads a reward file, as [`Workspace::load`] does.
    ///
    /// # Errors
    /// See [`RewardError`].
    pub fn load(workspace: &Workspace, path: &Path) -> Result<Self, RewardError> {
        Self::start(workspace, path, None)
    }

    /// As [`ReloadingReward::load`], of a text that lies in no file. `path` is what errors call it; plugins are looked
    /// for from its folder.
    ///
    /// # Errors
    /// See [`RewardError`].
    pub fn from_text(workspace: &Workspace, path: &Path, text: String) -> Result<Self, RewardError> {
        Self::start(workspace, path, Some(text))
    }

    fn start(workspace: &Workspace, path: &Path, text: Option<String>) -> Result<Self, RewardError> {
        let files = WatchedFiles::default();
        let reward = workspace.load_file(read(path, text.as_deref(), &files)?, &Functions::new(), &files)?;
        Ok(Self {
            path: path.to_owned(),
            text,
            workspace: workspace.clone(),
            limits: None,
            current: RwLock::new(reward),
            watched: Mutex::new(Watched { current: files, refused: None }),
        })
    }

    /// The same reward within lower limits, as [`PluginReward::within_limits`] makes it, also after a refresh.
    ///
    /// # Errors
    /// [`RaisedLimit`] where one of these is higher than every verifier's own now. What a refresh brings may have lower ones
    /// of its own, which hold then.
    pub fn within_limits(self, limits: &LimitSettings) -> Result<Self, RaisedLimit> {
        let lower = self.current().within_limits(limits)?;
        Ok(Self { limits: Some(*limits), current: RwLock::new(lower), ..self })
    }

    /// What judges now.
    pub fn current(&self) -> PluginReward {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What judges now was made from these texts besides its plugins: the reward file, manifests and locks, each with
    /// the digest (sha256, hex) of what was read.
    pub fn files(&self) -> Vec<(String, String)> {
        let own = self.text.as_ref().map(|text| (self.path.display().to_string(), sha256(text.as_bytes())));
        let read = self.watched.lock().unwrap_or_else(PoisonError::into_inner).current.texts();
        own.into_iter().chain(read).collect()
    }

    /// Loads what is there now; `files` learns from what.
    fn load_again(&self, files: &WatchedFiles) -> Result<PluginReward, RewardError> {
        let file = read(&self.path, self.text.as_deref(), files)?;
        let reward = self.workspace.load_file(file, &Functions::new(), files)?;
        let lower = self.limits.as_ref().and_then(|limits| reward.within_limits(limits).ok());
        Ok(lower.unwrap_or(reward))
    }
}

impl Reward for ReloadingReward {
    fn submit(&self, submission: Submission, reply: Reply) {
        self.current().submit(submission, reply);
    }

    fn needs_groups(&self) -> bool {
        self.current().needs_groups()
    }

    /// Its completions are judged by what judged when it was opened.
    fn group(&self) -> Box<dyn Group + '_> {
        self.current().group_on(&Terms::default())
    }

    fn digests(&self) -> Vec<(String, String)> {
        self.current().digests()
    }

    fn version(&self) -> Option<Version> {
        self.current().version()
    }

    fn components(&self) -> Vec<(String, f64)> {
        self.current().components()
    }

    fn refresh(&self) -> Option<Refreshed> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if !watched.refused.as_ref().unwrap_or(&watched.current).have_changed() {
            return None;
        }
        let files = WatchedFiles::default();
        match self.load_again(&files) {
            Ok(reward) => {
                watched.refused = None;
                let before = [self.digests(), watched.current.texts()].concat();
                let after = [reward.digests(), files.texts()].concat();
                watched.current = files;
                let changes = changes(&before, &after);
                if changes.is_empty() {
                    return None;
                }
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                // What was submitted to the one before has it until it is answered.
                *current = reward;
                drop(current);
                Some(Refreshed::Changed(changes))
            }
            // Somebody is still writing: what comes of it is for the next time.
            Err(_) if files.have_changed() => None,
            Err(error) => {
                watched.refused = Some(files);
                Some(Refreshed::Refused(with_causes(&error)))
            }
        }
    }
}

impl fmt::Debug for ReloadingReward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadingReward")
            .field("path", &self.path)
            .field("current", &self.current())
            .finish_non_exhaustive()
    }
}

/// Reads the reward file, or its text where it is no file.
fn read(path: &Path, text: Option<&str>, files: &WatchedFiles) -> Result<RewardFile, RewardError> {
    match text {
        Some(text) => RewardFile::parse(path, text),
        None => RewardFile::read(path, files),
    }
}

/// What differs between two lists of names and digests: in the order of the second, then what it lacks.
fn changes(before: &[(String, String)], after: &[(String, String)]) -> Vec<Change> {
    let digest = |list: &[(String, String)], name: &str| {
        list.iter().find(|(known, _)| known == name).map(|(_, digest)| digest.clone())
    };
    let gone = before.iter().filter(|(name, _)| digest(after, name).is_none());
    let change = |(what, _): &(String, String)| Change {
        what: what.clone(),
        before: digest(before, what),
        after: digest(after, what),
    };
    after.iter().chain(gone).map(change).filter(|change| change.before != change.after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::WorkspaceOptions;
    use gavel_verify::score_all;
    use std::num::NonZeroUsize;
    use std::sync::mpsc;

    /// A command whose verdict is always this number from 0 to 9.
    fn always(digit: u8) -> Vec<u8> {
        let text = format!(
            r#"(module
                 (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                 (memory (export "memory") 1)
                 (data (i32.const 16) "{{\"reward\":{digit}}}")
                 (data (i32.const 0) "\10\00\00\00\0c\00\00\00")
                 (func (export "_start")
                   (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#
        );
        wat::parse_str(text).unwrap()
    }

    /// A reward file with one plugin in a folder, loaded.
    struct Bench {
        folder: tempfile::TempDir,
        reward: ReloadingReward,
    }

    const REWARD: &str = "[verifiers.a]\nplugin = 'a'\n";

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("reward.toml"), REWARD).unwrap();
            std::fs::write(folder.path().join("a.wasm"), always(1)).unwrap();
            let options = WorkspaceOptions { workers: NonZeroUsize::MIN, ..WorkspaceOptions::default() };
            let workspace = Workspace::start(&options).unwrap();
            let reward = ReloadingReward::load(&workspace, &folder.path().join("reward.toml")).unwrap();
            Self { folder, reward }
        }

        fn write(&self, name: &str, content: impl AsRef<[u8]>) {
            std::fs::write(self.folder.path().join(name), content).unwrap();
        }

        fn score(&self) -> Option<f64> {
            score_all(&self.reward, [Submission::default()]).unwrap().remove(0).reward.ok()
        }

        /// What changed, by name; the error where it was refused.
        fn refresh(&self) -> Result<Vec<String>, String> {
            let name = |change: Change| {
                let what = Path::new(&change.what).file_name().unwrap().to_str().unwrap();
                let sign = match (change.before, change.after) {
                    (None, Some(_)) => "+",
                    (Some(_), None) => "-",
                    _ => "",
                };
                format!("{sign}{what}")
            };
            match self.reward.refresh() {
                None => Ok(Vec::new()),
                Some(Refreshed::Changed(changes)) => Ok(changes.into_iter().map(name).collect()),
                Some(Refreshed::Refused(error)) => Err(error),
            }
        }
    }

    #[test]
    fn nothing_changes_until_it_is_refreshed() {
        let bench = Bench::new();
        let before = bench.reward.digests();
        assert_eq!(bench.refresh().unwrap(), [""; 0]);
        bench.write("a.wasm", always(2));
        assert_eq!(bench.score(), Some(1.0));
        let Some(Refreshed::Changed(changes)) = bench.reward.refresh() else { panic!() };
        let after = bench.reward.digests();
        let change = Change {
            what: "a".to_owned(),
            before: Some(before[0].1.clone()),
            after: Some(after[0].1.clone()),
        };
        assert_eq!(changes, [change]);
        assert_ne!(before, after);
        assert_eq!(bench.score(), Some(2.0));
        assert_eq!(bench.refresh().unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_broken_is_refused_once_and_the_old_goes_on() {
        let bench = Bench::new();
        bench.write("a.wasm", "not wasm");
        let error = bench.refresh().unwrap_err();
        assert!(error.contains("reward.toml:2:10: `verifiers.a.plugin`: "), "{error}");
        assert!(error.ends_with("a.wasm is not WebAssembly: it does not start with `\\0asm`"), "{error}");
        assert_eq!(bench.refresh(), Ok(Vec::new()), "said already");
        assert_eq!(bench.score(), Some(1.0));
        bench.write("reward.toml", format!("{REWARD}optoins = {{}}\n"));
        let error = bench.refresh().unwrap_err();
        assert!(error.contains("did you mean `options`?"), "{error}");
        bench.write("reward.toml", REWARD);
        assert!(bench.refresh().is_err(), "the plugin is still broken, and that is another error");
        bench.write("a.wasm", always(1));
        assert_eq!(bench.refresh(), Ok(Vec::new()), "what judges is what is there again");
        bench.write("a.wasm", always(3));
        assert_eq!(bench.refresh().unwrap(), ["a"]);
        assert_eq!(bench.score(), Some(3.0));
    }

    #[test]
    fn a_verifier_is_added_and_taken_away() {
        let bench = Bench::new();
        let two = format!("{REWARD}[verifiers.b]\nplugin = 'b'\n[reward]\nformula = 'a + b'\n");
        bench.write("reward.toml", &two);
        let error = bench.refresh().unwrap_err();
        assert!(error.contains("no plugin called `b`"), "{error}");
        bench.write("b.wasm", always(5));
        assert_eq!(bench.refresh().unwrap(), ["+b", "reward.toml"], "it was waited for");
        assert_eq!((bench.score(), bench.reward.current().verifiers().count()), (Some(6.0), 2));
        bench.write("reward.toml", REWARD);
        assert_eq!(bench.refresh().unwrap(), ["reward.toml", "-b"]);
        assert_eq!(bench.score(), Some(1.0));
    }

    #[test]
    fn options_and_manifests_are_watched_too() {
        let bench = Bench::new();
        bench.write("reward.toml", format!("{REWARD}[reward]\nformula = '2 * a'\n"));
        assert_eq!(bench.refresh().unwrap(), ["reward.toml"]);
        assert_eq!(bench.score(), Some(2.0));
        let manifest = "manifest_version = 1\n[plugin]\nname = 'a'\nversion = '1.0.0'\nentry = 'a.wasm'\n";
        bench.write("gavel.toml", format!("{manifest}[limits]\nfuel = 1\n"));
        assert_eq!(bench.refresh().unwrap(), ["+gavel.toml"]);
        assert_eq!(bench.score(), None, "out of fuel");
        let version = bench.reward.version().unwrap();
        assert_eq!(version.text, format!("{REWARD}[reward]\nformula = '2 * a'\n"));
        assert_eq!((version.verifiers[0].limits.fuel, version.verifiers[0].options.as_str()), (1, "{}"));
        assert_eq!(version.verifiers[0].plugin, bench.reward.digests()[0].1);
        bench.write("gavel.toml", manifest);
        assert_eq!(bench.refresh().unwrap(), ["gavel.toml"]);
        assert_eq!(bench.score(), Some(2.0));
    }

    #[test]
    fn a_plugin_that_would_be_found_first_is_taken() {
        let bench = Bench::new();
        bench.write("reward.toml", "[verifiers.a]\nplugin = 'format'\n");
        assert_eq!(bench.refresh().unwrap(), ["a", "reward.toml"], "the first-party plugin");
        bench.write("format.wasm", always(7));
        assert_eq!(bench.refresh().unwrap(), ["a"]);
        assert_eq!(bench.score(), Some(7.0));
    }

    #[test]
    fn submissions_on_their_way_are_answered_while_it_is_refreshed() {
        let bench = Bench::new();
        let (sender, scores) = mpsc::channel();
        for round in 0..20 {
            for _ in 0..50 {
                let sender = sender.clone();
                let reply = Box::new(move |score: gavel_verify::Score| sender.send((round, score)).unwrap());
                bench.reward.submit(Submission::default(), reply);
            }
            bench.write("a.wasm", always((round + 1) % 10));
            assert_eq!(bench.refresh().unwrap(), if round == 0 { [""; 0].to_vec() } else { vec!["a"] });
        }
        drop(sender);
        let scores: Vec<_> = scores.iter().collect();
        assert_eq!(scores.len(), 1000);
        for (round, score) in scores {
            // The first plugin is the same as the second.
            assert_eq!(score.reward, Ok(f64::from(round.max(1) % 10)), "judged by what it was submitted to");
        }
    }
}
