//! Chat templates: how a model wants a conversation to be written, rendered as `transformers` renders it.
//!
//! A template is a [Jinja](https://jinja.palletsprojects.com) text that comes with the model. It is somebody else's
//! program, so it runs with a bounded number of instructions, and the one thing it may ask of the machine, today's date,
//! is given to it only by [`ChatTemplate::with_date`]: a prompt does not depend on the day a run is started.

mod python;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use minijinja::value::{Serde, Value as Jinja};
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value};

use crate::{Error, lora};

/// A file with a template and nothing else, as `transformers` has written it since version 4.51.
const FILE: &str = "chat_template.jinja";
/// A folder with more templates, `NAME.jinja` each.
const FOLDER: &str = "additional_chat_templates";
const CONFIG: &str = "tokenizer_config.json";
/// Which of several templates is meant where nobody names one.
const DEFAULT: &str = "default";

/// Instructions of a template, some thousand times what a long conversation takes.
const FUEL: u64 = 50_000_000;

/// What marks the end of the last message, while it is looked for; a space at its end tells whether spaces stay.
const FINAL_MARK: &str = "\u{f8ff}END OF THE LAST MESSAGE\u{f8ff} ";

/// The special tokens that templates mention by name.
const SPECIAL_TOKENS: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

/// The variables that every conversation is rendered with.
const ALWAYS_GIVEN: [&str; 4] = ["messages", "tools", "documents", "add_generation_prompt"];

/// What tells a template the date, where it may ask.
const DATE: &str = "strftime_now";

/// What a conversation is rendered with, besides its messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatOptions {
    /// Whether the text ends where the assistant begins to speak.
    pub add_generation_prompt: bool,
    /// Whether the text ends where the content of the last message does, for the assistant to go on with it.
    pub continue_final_message: bool,
    /// The tools that the assistant may call, as JSON schemas.
    pub tools: Option<Vec<Value>>,
    /// Further variables of the template, such as `enable_thinking`.
    pub kwargs: Map<String, Value>,
}

/// The chat template of a model.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    /// Where it was read from.
    path: PathBuf,
    special_tokens: Map<String, Value>,
    /// The special tokens that the template writes: where a text has one of them, it has been rendered already.
    markers: Vec<String>,
}

impl ChatTemplate {
    /// The template called `name` of a model directory, or the one that it uses by default; `None` where it has none.
    ///
    /// It is looked for where `transformers` looks: `chat_template.jinja` and `additional_chat_templates/NAME.jinja`, then
    /// the field `chat_template` of `tokenizer_config.json`, which is a text or a list of names and texts.
    ///
    /// # Errors
    /// When a file cannot be read, a template is no Jinja, or there are templates and none of this name.
    pub fn load(directory: &Path, name: Option<&str>) -> Result<Option<Self>, Error> {
        let directory = &lora::with_tokenizer(directory)?;
        let config = read_config(directory)?;
        let found = find(directory, &config)?;
        let wanted = name.unwrap_or(DEFAULT);
        if let Some((_, path, text)) = found.iter().find(|(known, ..)| known == wanted) {
            let template = Self::new(text, path.clone(), special_tokens(directory, &config)?)?;
            let mut markers = markup(directory, &config)?;
            markers.retain(|token| text.contains(token));
            return Ok(Some(Self { markers, ..template }));
        }
        if name.is_none() && found.is_empty() {
            return Ok(None);
        }
        let known: Vec<_> = found.iter().map(|(known, ..)| known.as_str()).collect();
        Err(Error::NoChatTemplate {
            directory: directory.to_owned(),
            name: wanted.to_owned(),
            known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
        })
    }

    /// A template from its text; `path` is where it came from, for errors.
    fn new(text: &str, path: PathBuf, special_tokens: Map<String, Value>) -> Result<Self, Error> {
        let mut environment = Environment::new();
        let syntax = environment.syntax().to_builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|source| Error::chat_template(&path, source))?);
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_formatter(python::write);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", python::to_json);
        environment.add_test("iterable", python::is_iterable);
        environment.add_function("raise_exception", |message: String| -> Result<Jinja, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        });
        environment
            .add_template_owned(DEFAULT, without_generation_tags(text))
            .map_err(|source| Error::chat_template(&path, source))?;
        Ok(Self { environment, path, special_tokens, markers: Vec::new() })
    }

    /// Has `strftime_now` tell this date. Without it the function is not defined, and templates that use it say a date
    /// of their own or fail.
    #[must_use]
    pub fn with_date(mut self, date: NaiveDate) -> Self {
        self.environment.add_function(DATE, move |format: String| {
            let mut text = String::new();
            // The format is the template's; chrono refuses those that it does not know.
            match std::fmt::Write::write_fmt(&mut text, format_args!("{}", date.format(&format))) {
                Ok(()) => Ok(text),
                Err(_) => {
                    let reason = format!("strftime_now({format:?}) asks for more than a date");
                    Err(minijinja::Error::new(ErrorKind::InvalidOperation, reason))
                }
            }
        });
        self
    }

    /// Further variables that the template reads, such as `enable_thinking`: those that [`ChatOptions::kwargs`] may give it.
    pub fn variables(&self) -> BTreeSet<String> {
        let functions: BTreeSet<&str> = self.environment.globals().map(|(name, _)| name).collect();
        let given = |name: &str| ALWAYS_GIVEN.contains(&name) || name == DATE || functions.contains(name);
        self.asked().into_iter().filter(|name| !given(name)).collect()
    }

    /// Whether the template asks for today's date.
    pub fn asks_for_date(&self) -> bool {
        self.asked().contains(DATE)
    }

    /// All names that the template does not define before it uses them.
    fn asked(&self) -> BTreeSet<String> {
        let template = self.environment.get_template(DEFAULT).expect("a template was added");
        let mut asked: BTreeSet<String> = template.undeclared_variables(false).into_iter().collect();
        asked.extend(set_by_themselves(template.source()));
        asked
    }

    /// The text of a conversation. Each message is an object with `role` and `content`, and what else the template reads.
    ///
    /// # Errors
    /// When the template refuses the conversation, or asks for what it is not given.
    pub fn render(&self, messages: &[Value], options: &ChatOptions) -> Result<String, Error> {
        if !options.continue_final_message {
            return self.write(messages, options);
        }
        let mut messages = messages.to_vec();
        let unusable = |reason: &str| {
            let source = minijinja::Error::new(ErrorKind::InvalidOperation, reason.to_owned());
            Error::chat_template(&self.path, source)
        };
        let content = messages.last_mut().and_then(|message| message.get_mut("content"));
        let Some(Value::String(content)) = content else {
            return Err(unusable("the last message has no text to go on with"));
        };
        let final_text = content.trim().to_owned();
        content.push_str(FINAL_MARK);
        let mut text = self.write(&messages, options)?;
        let Some(end) = text.rfind(FINAL_MARK.trim_end()).filter(|_| text.contains(&final_text)) else {
            return Err(unusable("it leaves out some of the last message, which was to be gone on with"));
        };
        // A template that cuts white space has cut the mark's too, and would have cut what stands before it.
        let keeps_spaces = text[end..].starts_with(FINAL_MARK);
        text.truncate(end);
        if !keeps_spaces {
            text.truncate(text.trim_end().len());
        }
        Ok(text)
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
        let messages = [serde_json::json!({ "role": "user", "content": MESSAGE })];
        let options = ChatOptions { add_generation_prompt: true, ..ChatOptions::default() };
        let text = self.write(&messages, &options).ok()?;
        text.split_once(MESSAGE).map(|(before, after)| (before.to_owned(), after.to_owned()))
    }

    fn write(&self, messages: &[Value], options: &ChatOptions) -> Result<String, Error> {
        let mut variables = self.special_tokens.clone();
        variables.extend(options.kwargs.clone());
        variables.insert("messages".to_owned(), messages.into());
        variables.insert("tools".to_owned(), options.tools.clone().map_or(Value::Null, Value::Array));
        variables.insert("documents".to_owned(), Value::Null);
        variables.insert("add_generation_prompt".to_owned(), options.add_generation_prompt.into());
        let template = self.environment.get_template(DEFAULT);
        template
            .and_then(|template| template.render(Jinja::from(Serde(&variables))))
            .map_err(|source| Error::chat_template(&self.path, source))
    }
}

fn read_config(directory: &Path) -> Result<Map<String, Value>, Error> {
    let path = directory.join(CONFIG);
    if !path.exists() {
        return Ok(Map::new());
    }
    serde_json::from_slice(&fs::read(&path).map_err(Error::read(&path))?).map_err(Error::json(&path))
}

/// Every template of a model directory: its name, the file that it is in, and its text. Files win over the field.
fn find(directory: &Path, config: &Map<String, Value>) -> Result<Vec<(String, PathBuf, String)>, Error> {
    let mut found = Vec::new();
    let file = directory.join(FILE);
    let read = |path: &Path| fs::read_to_string(path).map_err(Error::read(path));
    if file.exists() {
        found.push((DEFAULT.to_owned(), file.clone(), read(&file)?));
    }
    let folder = directory.join(FOLDER);
    if folder.is_dir() {
        for entry in fs::read_dir(&folder).map_err(Error::read(&folder))? {
            let path = entry.map_err(Error::read(&folder))?.path();
            if path.extension().is_some_and(|extension| extension == "jinja")
                && let Some(name) = path.file_stem().and_then(|name| name.to_str())
            {
                found.push((name.to_owned(), path.clone(), read(&path)?));
            }
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let path = directory.join(CONFIG);
    let unreadable = || {
        Error::config(
            &path,
            "chat_template",
            "is neither a text nor a list of objects with `name` and `template`",
        )
    };
    match config.get("chat_template") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => found.push((DEFAULT.to_owned(), path, text.clone())),
        Some(Value::Array(templates)) => {
            for template in templates {
                let (Some(name), Some(text)) = (template["name"].as_str(), template["template"].as_str())
                else {
                    return Err(unreadable());
                };
                found.push((name.to_owned(), path.clone(), text.to_owned()));
            }
        }
        Some(_) => return Err(unreadable()),
    }
    Ok(found)
}

/// The texts of the special tokens, from `special_tokens_map.json` where there is one and `tokenizer_config.json`.
fn special_tokens(directory: &Path, config: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    let path = directory.join("special_tokens_map.json");
    let mut tokens: Map<String, Value> = Map::new();
    if path.exists() {
        tokens = serde_json::from_slice(&fs::read(&path).map_err(Error::read(&path))?)
            .map_err(Error::json(&path))?;
    }
    let mut written = Map::new();
    for name in SPECIAL_TOKENS {
        let token = config.get(name).or_else(|| tokens.get(name));
        if let Some(text) = token.and_then(|token| token.as_str().or_else(|| token.get("content")?.as_str()))
        {
            written.insert(name.to_owned(), text.into());
        }
    }
    Ok(written)
}

/// The special tokens that texts are marked up with, of `tokenizer_config.json` and `tokenizer.json`.
fn markup(directory: &Path, config: &Map<String, Value>) -> Result<Vec<String>, Error> {
    let path = directory.join("tokenizer.json");
    let tokenizer: Value = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(Error::json(&path))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Value::Null,
        Err(error) => return Err(Error::read(&path)(error)),
    };
    let of_config = config.get("added_tokens_decoder").and_then(Value::as_object);
    let of_tokenizer = tokenizer["added_tokens"].as_array().into_iter().flatten();
    let tokens = of_config.into_iter().flat_map(Map::values).chain(of_tokenizer);
    let special = tokens.filter(|token| token["special"] == true);
    Ok(special.filter_map(|token| token["content"].as_str()).map(str::to_owned).collect())
}

/// The names that a template gives a value in terms of the one that they had, as in `set a = a | default(1)`, which
/// `undeclared_variables` takes for names of the template's own.
fn set_by_themselves(text: &str) -> impl Iterator<Item = String> {
    let tags = text.split("{%").skip(1).filter_map(|rest| rest.split_once("%}"));
    tags.filter_map(|(tag, _)| {
        let (name, value) = tag.trim_matches(['-', '+']).trim().strip_prefix("set ")?.split_once('=')?;
        let name = name.trim();
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        value.split(|letter| !is_part(letter)).any(|word| word == name).then(|| name.to_owned())
    })
}

/// The tags `generation` and `endgeneration` mark what the assistant said, for whoever trains on it. They are not
/// Jinja's own, so they become tags that always hold, with the same marks for white space.
fn without_generation_tags(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start);
        let Some(end) = tag.find("%}").map(|end| end + 2) else { break };
        let (tag, after) = tag.split_at(end);
        replaced.push_str(before);
        let inside = tag[2..tag.len() - 2].trim_matches(|mark| mark == '-' || mark == '+');
        match inside.trim() {
            "generation" => replaced.push_str(&tag.replace("generation", "if true")),
            "endgeneration" => replaced.push_str(&tag.replace("endgeneration", "endif")),
            _ => replaced.push_str(tag),
        }
        rest = after;
    }
    replaced + rest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(text: &str) -> ChatTemplate {
        ChatTemplate::new(text, "chat_template.jinja".into(), Map::new()).unwrap()
    }

    fn render(text: &str, messages: &Value) -> Result<String, Error> {
        template(text).render(messages.as_array().unwrap(), &ChatOptions::default())
    }

    fn model(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }

    fn rendered(directory: &Path, name: Option<&str>) -> String {
        ChatTemplate::load(directory, name).unwrap().unwrap().render(&[], &ChatOptions::default()).unwrap()
    }

    #[test]
    fn a_template_is_found_where_transformers_finds_it() {
        assert!(ChatTemplate::load(model(&[]).path(), None).unwrap().is_none());
        let config = r#"{"chat_template": "{{ bos_token }}field", "bos_token": {"content": "<s>"}}"#;
        assert_eq!(rendered(model(&[(CONFIG, config)]).path(), None), "<s>field");
        let both = model(&[
            (CONFIG, config),
            (FILE, "file {{ bos_token }}"),
            ("additional_chat_templates/rag.jinja", "rag"),
        ]);
        assert_eq!(rendered(both.path(), None), "file <s>");
        assert_eq!(rendered(both.path(), Some("rag")), "rag");
        let named = r#"{"chat_template": [{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}]}"#;
        let named = model(&[(CONFIG, named)]);
        assert_eq!(
            (rendered(named.path(), None), rendered(named.path(), Some("tool_use"))),
            ("a".into(), "b".into())
        );
        let error = ChatTemplate::load(named.path(), Some("rag")).unwrap_err().to_string();
        assert!(error.ends_with("has no chat template `rag`; it has default, tool_use"), "{error}");
    }

    #[test]
    fn what_a_template_says_and_asks_for_is_in_the_error() {
        let refused = render("{{ raise_exception('roles must alternate') }}", &json!([])).unwrap_err();
        let refused = format!("{refused}: {}", std::error::Error::source(&refused).unwrap());
        assert!(
            refused.contains("chat_template.jinja") && refused.contains("roles must alternate"),
            "{refused}"
        );
        assert!(matches!(render("{{ strftime_now('%d') }}", &json!([])), Err(Error::ChatTemplate { .. })));
        let text = "{% if strftime_now is defined %}{{ strftime_now('%d %b %Y') }}{% else %}none{% endif %}";
        assert_eq!(render(text, &json!([])).unwrap(), "none");
        let dated = template(text).with_date(NaiveDate::from_ymd_opt(2026, 11, 30).unwrap());
        assert_eq!(dated.render(&[], &ChatOptions::default()).unwrap(), "30 Nov 2026");
        let endless = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
        assert!(matches!(render(endless, &json!([])), Err(Error::ChatTemplate { .. })));
        assert!(ChatTemplate::new("{% if %}", "x".into(), Map::new()).is_err());
    }

    #[test]
    fn what_a_template_reads_is_known() {
        let text = "{%- if thinking is not defined %}{% set thinking = true %}{% endif %}{% set own = 1 %}\
                    {{ bos_token }}{% for m in messages %}{{ m.content }}{{ own }}{% endfor %}\
                    {% if thinking %}{{ namespace(a=1) }}{{ raise_exception('no') }}{% endif %}";
        let reads = |text: &str| template(text).variables().into_iter().collect::<Vec<_>>();
        assert_eq!(reads(text), ["bos_token", "thinking"]);
        assert!(!template(text).asks_for_date());
        assert!(template("{{ strftime_now('%d') }}").asks_for_date());
        // One that is given a value in some case alone is read in all others.
        let sometimes = "{% if tools %}{% set thinking = false %}{% endif %}{% if thinking %}a{% endif %}";
        assert_eq!(reads(sometimes), ["thinking"]);
        assert_eq!(reads("{%- set thinking = thinking | default(true) -%}{{ thinking }}"), ["thinking"]);
    }

    #[test]
    fn a_text_that_is_a_chat_already_is_known() {
        let written = "{% for m in messages %}<|im_start|>{{ m.content }}{% endfor %}";
        let tokens = r#"{"added_tokens": [{"content": "<|im_start|>", "special": true}]}"#;
        let marked = model(&[(FILE, written), ("tokenizer.json", tokens)]);
        let marked = ChatTemplate::load(marked.path(), None).unwrap().unwrap();
        assert!(marked.has_rendered("<|im_start|>b") && !marked.has_rendered("b"));
        let framed = model(&[(FILE, "{% for m in messages %}Q: {{ m.content }}{% endfor %} A:")]);
        let framed = ChatTemplate::load(framed.path(), None).unwrap().unwrap();
        assert!(framed.has_rendered("Q: 1+1? A:") && !framed.has_rendered("1+1?"));
    }

    #[test]
    fn generation_tags_change_nothing_but_white_space() {
        let messages = json!([{"role": "assistant", "content": "a"}]);
        let text = "{% for m in messages %}\n  {%- generation -%} {{ m.content }}  {%- endgeneration %}\n!{% endfor %}";
        assert_eq!(render(text, &messages).unwrap(), "a!");
    }
}
