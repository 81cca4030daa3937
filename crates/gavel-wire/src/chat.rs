//! Chats as texts: messages as Chat Completions and Responses write them.

use serde_json::Value;

/// What a value is as a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flattened {
    /// A text, or that of the last message by the one who should have written it.
    Text(String),
    /// A chat in which nobody with the role has written text.
    NoMessage,
    /// Neither a text nor a chat.
    NotText,
}

/// A text as it is; of a list of messages, the text of the last by `role` that has any.
///
/// An item of a Responses object that is no message, such as a call of a tool or reasoning, has a `type` and no `role`, and
/// is passed over.
pub fn flatten(value: Value, role: &str) -> Flattened {
    let is_item = |item: &Value| item["role"].is_string() || item["type"].is_string();
    match value {
        Value::String(text) => Flattened::Text(text),
        Value::Array(items) if items.iter().all(is_item) => {
            let mut by_role = items.iter().rev().filter(|item| item["role"] == role);
            by_role.find_map(text_of).map_or(Flattened::NoMessage, Flattened::Text)
        }
        _ => Flattened::NotText,
    }
}

/// The text of a message: its content, or the parts of it that are text, joined. `None` when there is no text, as in a
/// message that only calls a tool.
pub fn text_of(message: &Value) -> Option<String> {
    match &message["content"] {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            (!texts.is_empty()).then(|| texts.concat())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_of_a_response_that_are_no_messages_are_passed_over() {
        let output = json!([
            {"type": "reasoning", "summary": []},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "4"},
                                                                 {"type": "output_text", "text": "2"}]},
            {"type": "function_call", "name": "f", "arguments": "{}"},
        ]);
        assert_eq!(flatten(output, "assistant"), Flattened::Text("42".to_owned()));
        assert_eq!(flatten(json!([{"type": "reasoning"}]), "assistant"), Flattened::NoMessage);
        assert_eq!(flatten(json!([{"content": "?"}]), "assistant"), Flattened::NotText);
        assert_eq!(flatten(json!(1), "assistant"), Flattened::NotText);
    }
}
