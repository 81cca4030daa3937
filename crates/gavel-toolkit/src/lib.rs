//! The toolkit: from source code in somebody's language to a plugin.
//!
//! [`create`] lays down a plugin's folder from a template, [`build`] makes the `.wasm` file. Each [`Language`] has a
//! recipe of its own (`src/languages`), and all have the rest in common: the SDK's files, which are embedded here and
//! laid down in the plugin's folder; pinned [`Tools`], which are installed where they are missing; and the way from a
//! core module to a component.
//!
//! ```no_run
//! use gavel_toolkit::{Language, Project, Tools, build, create};
//!
//! create("my-reward", Language::Python, "my-reward".as_ref())?;
//! let project = Project {
//!     folder: "my-reward".into(),
//!     language: Language::Python,
//!     source: "my_reward.py".into(),
//!     entry: "my-reward.wasm".into(),
//!     paths: Vec::new(),
//! };
//! let tools = Tools::near("my-reward".as_ref());
//! build(&project, &tools, &|progress| println!("{progress}"))?;
//! # Ok::<(), gavel_toolkit::ToolkitError>(())
//! ```

mod component;
mod error;
mod language;
mod languages;
mod project;
mod run;
mod sdk;
mod template;
mod tools;

pub use error::ToolkitError;
pub use language::{Language, UnknownLanguage};
pub use project::{Project, build};
pub use sdk::lay as lay_sdk;
pub use template::create;
pub use tools::{ASSEMBLYSCRIPT, COMPONENTIZE_PY, GO, JAVASCRIPT, NodePackages, Tools, Wheels, ZIGLANG};
