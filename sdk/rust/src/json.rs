//! Reads JSON objects so that a mistake is named by its field.

use serde::Deserialize;

/// Reads `text`, where empty text is the empty object; a mistake is told as `field: what is wrong`.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    let text = if text.is_empty() { "{}" } else { text };
    serde_json::from_str(text)
        .map_err(|error| name_the_field::<T>(text).unwrap_or_else(|| without_place(&error)))
}

/// Reads again while keeping track of the path. It is slower, so only text that failed is read this way.
#[cold]
fn name_the_field<'a, T: Deserialize<'a>>(text: &'a str) -> Option<String> {
    let error =
        serde_path_to_error::deserialize::<_, T>(&mut serde_json::Deserializer::from_str(text)).err()?;
    let (path, said) = (error.path().to_string(), without_place(error.inner()));
    // serde names an unknown field itself, and one that is missing has no path.
    let is_named = path == "." || said.contains(&format!("`{path}`"));
    Some(if is_named { said } else { format!("{path}: {said}") })
}

/// serde_json's words without the place in a text that nobody has written: options and columns come as JSON that gavel
/// makes.
fn without_place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    said.strip_suffix(&place).unwrap_or(&said).to_owned()
}
