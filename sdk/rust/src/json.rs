//! Reads JSON objects so that a mistake is named by its field.

use serde::Deserialize;

/// Reads `text`, where empty text is the empty object; a mistake is told as `field: what is wrong`.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    let text = if text.is_empty() { "{}" } else { text };
    serde_json::from_str(text).map_err(|error| name_the_field::<T>(text).unwrap_or_else(|| error.to_string()))
}

/// Reads again while keeping track of the path. It is slower, so only text that failed is read this way.
#[cold]
fn name_the_field<'a, T: Deserialize<'a>>(text: &'a str) -> Option<String> {
    let error =
        serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_str(text)).err()?;
    // An unknown field has no value and so no path; serde's own text names it then.
    let path = error.path().to_string();
    Some(if path == "." { error.inner().to_string() } else { format!("{path}: {}", error.inner()) })
}
