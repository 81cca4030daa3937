//! `gavel_rl._native`: what of the Python package is in Rust. Loads rewards and judges rows, without Python's lock.
//!
//! Rows come and scores go as `gavel-wire` writes them; `python/gavel_rl` makes Python's objects of them, and keeps what
//! is needed to load a reward again after a fork or in another process.

mod function;
mod gate;
mod judging;
mod reward;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::IntoPyDict;

/// A reward file as TOML, from the same as JSON.
#[pyfunction]
fn toml_of(json: &str) -> PyResult<String> {
    let wrong = |error: String| PyValueError::new_err(error);
    let table: toml::Table = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
    toml::to_string(&table).map_err(|error| wrong(error.to_string()))
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("RewardError", py.get_type::<reward::RewardError>())?;
    module.add_class::<reward::Workspace>()?;
    module.add_class::<reward::Reward>()?;
    module.add_class::<judging::Pending>()?;
    module.add_function(wrap_pyfunction!(toml_of, module)?)?;
    py.import("atexit")?.call_method1("register", (wrap_pyfunction!(gate::close, module)?,))?;
    let forked = [("after_in_child", wrap_pyfunction!(gate::forked, module)?)].into_py_dict(py)?;
    py.import("os")?.call_method("register_at_fork", (), Some(&forked))?;
    Ok(())
}
