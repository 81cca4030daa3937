//! What a verifier asked of somebody else, as it is written: with it, an outcome can be derived again without them.

use gavel_verify::Call;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What stands before a digest.
const SHA256: &str = "sha256:";

/// A [`Call`], as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallForm {
    /// `sha256:` and the digest of all that was asked.
    request: String,
    /// What of the answer the outcome depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Value>,
    /// Why there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<&Call> for CallForm {
    fn from(call: &Call) -> Self {
        let Call { request, answer } = call;
        Self {
            request: format!("{SHA256}{request}"),
            // What a verifier keeps is an object.
            answer: answer.as_ref().ok().map(|text| serde_json::from_str(text).unwrap_or_default()),
            error: answer.as_ref().err().cloned(),
        }
    }
}

impl From<CallForm> for Call {
    fn from(form: CallForm) -> Self {
        let CallForm { request, answer, error } = form;
        let request = request.strip_prefix(SHA256).map_or(request.clone(), str::to_owned);
        let answer = match (answer, error) {
            (_, Some(error)) => Err(error),
            (answer, None) => Ok(answer.unwrap_or_default().to_string()),
        };
        Self { request, answer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_read_as_it_was_written() {
        for answer in [Ok(r#"{"model":"m","content":"{\"a\": 1}"}"#.to_owned()), Err("down".to_owned())] {
            let call = Call { request: "ab".to_owned(), answer };
            let text = serde_json::to_string(&CallForm::from(&call)).unwrap();
            assert!(text.starts_with(r#"{"request":"sha256:ab","#), "{text}");
            assert_eq!(Call::from(serde_json::from_str::<CallForm>(&text).unwrap()), call);
        }
    }
}
