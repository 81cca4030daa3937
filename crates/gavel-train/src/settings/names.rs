//! The names of settings: which there are, which one was meant, and what other trainers' options are called here.

mod other_trainers;

use std::cell::Cell;

use gavel_files::{closest, did_you_mean};
use serde::Deserialize;
use serde::de::value::Error as Failed;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use super::Settings;

/// The names of all settings, in the order in which they are declared.
pub fn fields() -> &'static [&'static str] {
    let found = Cell::new(None);
    // serde tells a deserializer the fields of a struct before it asks for any of them.
    let _ = Settings::deserialize(FieldsOf(&found));
    found.get().unwrap_or_default()
}

/// What to say of a name that no setting has.
pub(super) fn advice(name: &str) -> String {
    if let Some(why) = other_trainers::absent(name) {
        return format!(", an option of other trainers' that is not here: {why}");
    }
    if let Some(here) = other_trainers::called_otherwise(name) {
        return format!("; here, {here}");
    }
    // Another trainer's option in a table of its own that has the name of a setting here.
    if let Some((_, last)) = name.rsplit_once('.')
        && fields().contains(&last)
    {
        return format!("; here, it is `{last}` at the top of the file, in no table");
    }
    match closest(name, fields().iter().copied()) {
        None => "; `gavel docs train` lists all settings".to_owned(),
        near => did_you_mean(near),
    }
}

/// A deserializer that only listens for the fields of a struct.
struct FieldsOf<'a>(&'a Cell<Option<&'static [&'static str]>>);

impl<'de> Deserializer<'de> for FieldsOf<'_> {
    type Error = Failed;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Failed> {
        Err(Failed::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Failed> {
        self.0.set(Some(fields));
        Err(Failed::custom("that is all"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_what_was_meant_or_to_what_does_its_work() {
        assert!(fields().len() > 50 && fields()[0] == "model");
        assert_eq!(advice("learnig_rate"), " (did you mean `learning_rate`?)");
        assert!(
            advice("vllm_mode")
                .starts_with(", an option of other trainers' that is not here: sampling is gavel's own")
        );
        assert_eq!(advice("lr"), "; here, it is `learning_rate`");
        assert_eq!(advice("actor_rollout_ref.rollout.n"), "; here, it is `num_generations`");
        assert_eq!(advice("zzz"), "; `gavel docs train` lists all settings");
    }
}
