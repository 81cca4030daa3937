//! Overrides of one entry of a table, as `chat_template_kwargs.enable_thinking=false`: each becomes an override of its table,
//! with the entries that the file has.

use toml::{Table, Value};

use super::source::toml_value;

/// Settings that are tables.
const TABLES: [&str; 3] = ["chat_template_kwargs", "reward_weights", "watch"];

/// The same overrides without dots, where those lead into a table that is a setting. A text that is no TOML has no tables, which
/// whoever reads it says.
pub(super) fn whole(text: &str, overrides: &[(String, String)]) -> Vec<(String, String)> {
    let mut whole: Vec<(String, String)> = Vec::new();
    for (field, value) in overrides {
        let Some((name, within)) = into_table(field) else {
            whole.push((field.clone(), value.clone()));
            continue;
        };
        let before = whole.iter().rfind(|(other, _)| other == name).map(|(_, value)| value.clone());
        let mut table = match before {
            Some(before) => read(&before).and_then(|value| value.as_table().cloned()),
            None => text.parse::<Table>().ok().and_then(|file| file.get(name)?.as_table().cloned()),
        }
        .unwrap_or_default();
        let value = read(&toml_value(value)).unwrap_or_else(|| Value::String(value.clone()));
        set(&mut table, within, value);
        whole.push((name.to_owned(), Value::Table(table).to_string()));
    }
    whole
}

/// The setting and the rest, of a name with dots that leads into a table.
fn into_table(field: &str) -> Option<(&str, &str)> {
    field.split_once('.').filter(|(name, within)| TABLES.contains(name) && !within.is_empty())
}

fn read(value: &str) -> Option<Value> {
    toml::from_str::<Table>(&format!("x = {value}")).ok()?.remove("x")
}

fn set(table: &mut Table, name: &str, value: Value) {
    let Some((first, rest)) = name.split_once('.') else {
        table.insert(name.to_owned(), value);
        return;
    };
    let within = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
    match within {
        Value::Table(within) => set(within, rest, value),
        other => {
            let mut within = Table::new();
            set(&mut within, rest, value);
            *other = Value::Table(within);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_set_among_those_of_the_file() {
        let overrides = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
        };
        let file = "seed = 1\n[chat_template_kwargs]\na = 1\n";
        let found = whole(
            file,
            &overrides(&[
                ("chat_template_kwargs.enable_thinking", "false"),
                ("seed", "2"),
                ("chat_template_kwargs.style.tone", "calm"),
                ("actor_rollout_ref.rollout.n", "8"),
            ]),
        );
        let last = found.iter().rfind(|(name, _)| name == "chat_template_kwargs").unwrap();
        let table = read(&last.1).unwrap();
        let expected = read("{ a = 1, enable_thinking = false, style = { tone = 'calm' } }").unwrap();
        assert_eq!(table, expected, "{}", last.1);
        assert!(found.contains(&("actor_rollout_ref.rollout.n".to_owned(), "8".to_owned())));
    }
}
