//! One recipe per language: how its compiler makes a plugin, or what a component can be made of.

mod adapter_memory;
mod assemblyscript;
mod go;
mod javascript;
mod nim;
mod python;
mod rust;
mod zig;

use std::path::PathBuf;

use crate::project::Workshop;
use crate::{Language, ToolkitError};

/// What a recipe makes.
pub(crate) enum Product {
    /// A core module with the exports of the contract's bindings, still without the contract itself.
    Core(PathBuf),
    /// A component, or a WASI command.
    Finished(PathBuf),
}

pub(crate) type Recipe = fn(&Workshop<'_>) -> Result<Product, ToolkitError>;

/// How plugins in `language` are made.
pub(crate) fn recipe(language: Language) -> Recipe {
    match language {
        Language::Rust => rust::build,
        Language::Python => python::build,
        Language::JavaScript | Language::TypeScript => javascript::build,
        Language::C => zig::build_c,
        Language::Cpp => zig::build_cpp,
        Language::Go => go::build,
        Language::Zig => zig::build_zig,
        Language::AssemblyScript => assemblyscript::build,
        Language::Nim => nim::build,
    }
}
