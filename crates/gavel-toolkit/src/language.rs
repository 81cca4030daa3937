//! The languages that a plugin can be written in.

use std::fmt;
use std::str::FromStr;

/// A language with an SDK, a template and a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// A component, by cargo.
    Rust,
    /// A component with CPython in it, by componentize-py.
    Python,
    /// A component with SpiderMonkey in it, by componentize-js.
    JavaScript,
    /// As JavaScript, with its types checked.
    TypeScript,
    /// A component of a core module, by zig's clang.
    C,
    /// As C, with zig's libc++.
    Cpp,
    /// A component of a core module, by Go itself.
    Go,
    /// As C, by zig itself.
    Zig,
    /// A WASI command, by asc.
    AssemblyScript,
    /// A WASI command, by nim and zig's clang.
    Nim,
}

impl Language {
    /// Every language, in the order of the documents.
    pub const ALL: [Self; 10] = [
        Self::Rust,
        Self::Python,
        Self::JavaScript,
        Self::TypeScript,
        Self::C,
        Self::Cpp,
        Self::Go,
        Self::Zig,
        Self::AssemblyScript,
        Self::Nim,
    ];

    /// As a manifest and `--lang` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::C => "c",
            Self::Cpp => "c++",
            Self::Go => "go",
            Self::Zig => "zig",
            Self::AssemblyScript => "assemblyscript",
            Self::Nim => "nim",
        }
    }

    /// What people call it besides.
    fn nicknames(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["rs"],
            Self::Python => &["py", "python3"],
            Self::JavaScript => &["js", "node", "ecmascript"],
            Self::TypeScript => &["ts"],
            Self::C => &["clang"],
            Self::Cpp => &["cpp", "cxx", "cc", "cplusplus"],
            Self::Go => &["golang"],
            Self::Zig | Self::Nim => &[],
            Self::AssemblyScript => &["as", "asc"],
        }
    }

    /// The folders in `sdk/` that its plugins are built from. The first has the template.
    pub(crate) fn folders(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["rust"],
            Self::Python => &["python"],
            Self::JavaScript => &["javascript"],
            Self::TypeScript => &["typescript", "javascript"],
            Self::C => &["c"],
            Self::Cpp => &["cpp", "c"],
            Self::Go => &["go"],
            Self::Zig => &["zig", "c"],
            Self::AssemblyScript => &["assemblyscript"],
            Self::Nim => &["nim"],
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(name: &str) -> Result<Self, UnknownLanguage> {
        let said = name.to_lowercase();
        let called = |language: &Self| language.name() == said || language.nicknames().contains(&&*said);
        let found = Self::ALL.into_iter().find(called);
        found.ok_or_else(|| UnknownLanguage { name: name.to_owned() })
    }
}

/// A language that the toolkit does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownLanguage {
    name: String,
}

impl std::error::Error for UnknownLanguage {}

impl fmt::Display for UnknownLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Language::ALL.map(Language::name);
        write!(f, "there is no SDK for `{}`", self.name)?;
        let said = self.name.to_lowercase();
        let similar = |name: &&str| strsim::jaro_winkler(&said, name);
        let best = names.iter().copied().max_by(|one, other| similar(one).total_cmp(&similar(other)));
        if let Some(best) = best.filter(|best| similar(best) > 0.8) {
            write!(f, " (did you mean `{best}`?)")?;
        }
        write!(f, "; there is one for {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_is_found_by_its_name() {
        for language in Language::ALL {
            assert_eq!(language.name().parse(), Ok(language));
        }
    }

    #[test]
    fn a_language_is_what_people_call_it() {
        use Language::{Cpp, Go, JavaScript, Python, Rust, TypeScript};
        for (said, meant) in [
            ("cpp", Cpp),
            ("C++", Cpp),
            ("js", JavaScript),
            ("TS", TypeScript),
            ("py", Python),
            ("Rust", Rust),
            ("rs", Rust),
            ("golang", Go),
        ] {
            assert_eq!(said.parse(), Ok(meant), "{said}");
        }
        let mut names: Vec<&str> = Language::ALL.map(Language::nicknames).concat();
        names.extend(Language::ALL.map(Language::name));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a name has one meaning");
    }

    #[test]
    fn an_unknown_language_is_told_what_there_is() {
        let error = "Pyhton".parse::<Language>().unwrap_err().to_string();
        assert!(error.contains("did you mean `python`?"), "{error}");
        assert!(error.contains("there is one for rust, python"), "{error}");
    }
}
