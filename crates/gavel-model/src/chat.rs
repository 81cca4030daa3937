//! Chat templates: how an instruct model's authors make one text of a conversation.
//!
//! `tokenizer_config.json` or `chat_template.jinja` of a model directory holds the template, in Jinja, as `transformers`
//! renders it ([its documentation](https://huggingface.co/docs/transformers/chat_templating)): blocks take the line break
//! behind them away, and strings have Python's methods. What depends on the clock (`strftime_now`) is not there, so that
//! the same conversation is the same text on every day.

use std::fs;
use std::path::{Path, PathBuf};

use minijinja::{Environment, ErrorKind, Value, context};
use serde_json::{Value as Json, json};

use crate::Error;

const CONFIG: &str = "tokenizer_config.json";
const OWN_FILE: &str = "chat_template.jinja";
const TOKENIZER: &str = "tokenizer.json";

/// What the environment calls the template.
const NAME: &str = "chat";

/// A model's chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    path: PathBuf,
    bos_token: Option<String>,
    eos_token: Option<String>,
    /// The special tokens that the template writes: where a text has one of them, it has been rendered already.
    markers: Vec<String>,
}

impl ChatTemplate {
    /// Reads the chat template of a model directory; `None` where it has none, as a base model.
    ///
    /// # Errors
    /// When a file is not JSON, or the template is not Jinja.
    pub fn load(directory: &Path) -> Result<Option<Self>, Error> {
        let config = read_json(&directory.join(CONFIG))?.unwrap_or_default();
        let own = directory.join(OWN_FILE);
        let (text, path) = match fs::read_to_string(&own) {
            Ok(text) => (Some(text), own),
            Err(_) => (in_config(&config), directory.join(CONFIG)),
        };
        let Some(text) = text else { return Ok(None) };
        let tokenizer = read_json(&directory.join(TOKENIZER))?.unwrap_or_default();
        let markers = special_tokens(&config, &tokenizer)
            .filter(|token| text.contains(token))
            .map(str::to_owned)
            .collect();
        let mut environment = environment();
        environment.add_template_owned(NAME, text).map_err(|source| unusable(&path, source))?;
        let (bos_token, eos_token) = (token(&config, "bos_token"), token(&config, "eos_token"));
        Ok(Some(Self { environment, path, bos_token, eos_token, markers }))
    }

    /// The text that the model continues as the assistant, after these messages: a JSON list of objects with `role` and
    /// `content`.
    ///
    /// # Errors
    /// When the template refuses them, as many do where two messages of one role follow each other.
    pub fn render(&self, messages: &Json) -> Result<String, Error> {
        let template = self.environment.get_template(NAME).map_err(|source| unusable(&self.path, source))?;
        let values = context! {
            messages => Value::from_serialize(messages),
            add_generation_prompt => true,
            bos_token => self.bos_token,
            eos_token => self.eos_token,
        };
        template.render(values).map_err(|source| unusable(&self.path, source))
    }

    /// Whether a text has been made of a conversation already: it has a special token that the template writes, or begins
    /// and ends as the template does around a message.
    pub fn has_rendered(&self, text: &str) -> bool {
        self.markers.iter().any(|marker| text.contains(marker.as_str()))
            || self.around_a_message().is_some_and(|(before, after)| {
                !(before.is_empty() && after.is_empty())
                    && text.starts_with(&before)
                    && text.ends_with(&after)
            })
    }

    /// What the template writes before and behind a message of the user's.
    fn around_a_message(&self) -> Option<(String, String)> {
        const MESSAGE: &str = "what the user says";
        let text = self.render(&json!([{ "role": "user", "content": MESSAGE }])).ok()?;
        text.split_once(MESSAGE).map(|(before, after)| (before.to_owned(), after.to_owned()))
    }
}

/// Jinja as `transformers` sets it up.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |why: String| -> Result<String, minijinja::Error> {
        Err(minijinja::Error::new(ErrorKind::InvalidOperation, why))
    });
    environment.add_filter("tojson", as_python_writes);
    environment
}

/// JSON as Python's `json.dumps` writes it, with spaces after commas and colons.
fn as_python_writes(value: &Value) -> Result<String, minijinja::Error> {
    let failed =
        |error: &dyn std::fmt::Display| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string());
    let mut text = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut text, Spaced);
    serde::Serialize::serialize(value, &mut writer).map_err(|error| failed(&error))?;
    String::from_utf8(text).map_err(|error| failed(&error))
}

struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        to: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        to: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, to: &mut W) -> std::io::Result<()> {
        to.write_all(b": ")
    }
}

fn unusable(path: &Path, source: minijinja::Error) -> Error {
    Error::ChatTemplate { path: path.to_owned(), source: Box::new(source) }
}

/// The template in `tokenizer_config.json`: a text, or the one called `default` of several.
fn in_config(config: &Json) -> Option<String> {
    match config.get("chat_template")? {
        Json::String(text) => Some(text.clone()),
        Json::Array(several) => {
            let default = several.iter().find(|template| template["name"] == "default")?;
            Some(default["template"].as_str()?.to_owned())
        }
        _ => None,
    }
}

/// A token in `tokenizer_config.json`: text, or an object with its text and how it matches.
fn token(config: &Json, name: &str) -> Option<String> {
    let token = config.get(name)?;
    token.as_str().or_else(|| token.get("content")?.as_str()).map(str::to_owned)
}

/// The special tokens of both files.
fn special_tokens<'a>(config: &'a Json, tokenizer: &'a Json) -> impl Iterator<Item = &'a str> {
    let of_config = config["added_tokens_decoder"].as_object().into_iter().flat_map(|tokens| tokens.values());
    let of_tokenizer = tokenizer["added_tokens"].as_array().into_iter().flatten();
    of_config
        .chain(of_tokenizer)
        .filter(|token| token["special"] == true)
        .filter_map(|token| token["content"].as_str())
}

/// A JSON file; `None` where there is none.
fn read_json(path: &Path) -> Result<Option<Json>, Error> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(Error::json(path)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::read(path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SmolLM2-Instruct's, shortened by its system message.
    const SMOLLM: &str = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}\
        {{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + \
        message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ \
        '<|im_start|>assistant\n' }}{% endif %}";

    /// With blocks on lines of their own, Python's methods, and an error, as Llama's and Gemma's have them.
    const OTHER: &str = "{{ bos_token }}
{%- set ns = namespace(last='') %}
{%- for message in messages %}
    {%- if message.role == ns.last %}
        {{- raise_exception('two by ' ~ message.role) }}
    {%- endif %}
    {%- set ns.last = message.role %}
    {%- if message.role.startswith('sys') %}
        {%- continue %}
    {%- endif %}
    {{- '[' + message.role + '] ' + message.content.strip() + eos_token }}
{%- endfor %}
{% if add_generation_prompt %}
[assistant]
{% endif %}
";

    fn directory(template: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let config = json!({
            "chat_template": template,
            "bos_token": { "content": "<s>" },
            "eos_token": "</s>",
            "added_tokens_decoder": { "1": { "content": "<|im_start|>", "special": true } },
        });
        fs::write(directory.path().join(CONFIG), config.to_string()).unwrap();
        directory
    }

    fn load(template: &str) -> ChatTemplate {
        ChatTemplate::load(directory(template).path()).unwrap().unwrap()
    }

    #[test]
    fn a_conversation_is_rendered_as_transformers_does() {
        let chat = load(SMOLLM);
        let question = json!([{ "role": "user", "content": "1+1?" }]);
        let text = chat.render(&question).unwrap();
        assert_eq!(
            text,
            "<|im_start|>system\nYou help.<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n<|im_start|>assistant\n"
        );
        assert!(chat.has_rendered(&text) && !chat.has_rendered("1+1?"));
        let conversation =
            json!([{ "role": "system", "content": "?" }, { "role": "user", "content": " hi " }]);
        let text = load(OTHER).render(&conversation).unwrap();
        assert_eq!(text, "<s>[user] hi</s>[assistant]\n");
        assert!(load(OTHER).has_rendered(&text) && !load(OTHER).has_rendered(" hi "));
    }

    #[test]
    fn what_a_template_refuses_is_its_own_words() {
        let twice = json!([{ "role": "user", "content": "a" }, { "role": "user", "content": "b" }]);
        let error = load(OTHER).render(&twice).unwrap_err();
        let Error::ChatTemplate { source, .. } = &error else { panic!("{error}") };
        assert!(source.to_string().contains("two by user"), "{source}");
        let broken = ChatTemplate::load(directory("{% for %}").path()).unwrap_err();
        assert!(matches!(broken, Error::ChatTemplate { .. }), "{broken}");
    }

    #[test]
    fn a_file_of_its_own_wins_and_a_base_model_has_none() {
        let folder = directory("{{ 'a' }}");
        fs::write(folder.path().join(OWN_FILE), "{{ 'b' }}").unwrap();
        let chat = ChatTemplate::load(folder.path()).unwrap().unwrap();
        assert_eq!(chat.render(&json!([])).unwrap(), "b");
        assert!(ChatTemplate::load(tempfile::tempdir().unwrap().path()).unwrap().is_none());
        let several = json!([{ "name": "tools", "template": "t" }, { "name": "default", "template": "d" }]);
        assert_eq!(in_config(&json!({ "chat_template": several })).as_deref(), Some("d"));
    }

    #[test]
    fn json_is_written_as_python_does() {
        let chat = load("{{ messages | tojson }}");
        assert_eq!(chat.render(&json!([{ "é": [1, "<a>"] }])).unwrap(), r#"[{"é": [1, "<a>"]}]"#);
    }
}
