//! What a task expects, as a type that nothing can be sent from.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// What is expected. A claim can be compared with it, and that is all: there is no way to what it holds that ends in an
/// [`Argument`](crate::Argument), so no question to a program can be made of it. `SECURITY.md` has the argument in full.
///
/// ```
/// use gavel_plugin_code::{Argument, Hidden};
/// use serde_json::value::RawValue;
///
/// let json = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
/// let expected = Hidden::new(json("2"));
/// let is_two = |claim: &str| expected.judge(|it| if it.get() == claim { Ok(()) } else { Err(claim.to_owned()) });
/// assert!(is_two("2").is_ok());
/// assert!(is_two("3").is_err());
/// // What a case passes in is handed over.
/// Argument::input(json("1"));
/// ```
///
/// What it expects is not, whichever way it is tried:
///
/// ```compile_fail,E0308
/// use gavel_plugin_code::{Argument, Hidden};
/// use serde_json::value::RawValue;
///
/// let expected = Hidden::new(RawValue::from_string("2".to_owned()).unwrap());
/// Argument::input(expected);
/// ```
///
/// ```compile_fail,E0616
/// use gavel_plugin_code::{Argument, Hidden};
/// use serde_json::value::RawValue;
///
/// let expected = Hidden::new(RawValue::from_string("2".to_owned()).unwrap());
/// Argument::input(expected.0);
/// ```
///
/// ```compile_fail,E0308
/// use gavel_plugin_code::{Argument, Hidden};
/// use serde_json::value::RawValue;
///
/// let expected = Hidden::new(RawValue::from_string("2".to_owned()).unwrap());
/// // Only a judgement comes out.
/// expected.judge(|it| Argument::input(it.clone()));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden<T>(T);

impl<T> Hidden<T> {
    /// Hides what the task expects.
    pub fn new(expected: T) -> Self {
        Self(expected)
    }

    /// Compares something with it.
    ///
    /// # Errors
    /// What `compare` says, for people: why it is not what is expected.
    pub fn judge(&self, compare: impl FnOnce(&T) -> Result<(), String>) -> Result<(), String> {
        compare(&self.0)
    }

    /// What is expected in another form, hidden as well.
    ///
    /// # Errors
    /// What `read` says.
    pub fn read<U, E>(&self, read: impl FnOnce(&T) -> Result<U, E>) -> Result<Hidden<U>, E> {
        read(&self.0).map(Hidden)
    }
}

/// Says nothing of what it holds.
impl<T> fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Hidden<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}
