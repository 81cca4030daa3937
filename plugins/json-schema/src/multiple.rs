//! `multipleOf` with a divisor that no double holds, which the validator takes for the nearest that one does.

use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Value};

/// Beyond this, not every whole number is a double.
const SAFE_INTEGER: i128 = 1 << 53;

/// Whether some divisor of the schema is too large for the validator.
pub(crate) fn is_needed(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => {
            map.get("multipleOf").and_then(whole).is_some_and(|divisor| divisor.abs() > SAFE_INTEGER)
                || map.values().any(is_needed)
        }
        Value::Array(items) => items.iter().any(is_needed),
        _ => false,
    }
}

/// A divisor as the schema has it.
struct MultipleOf {
    divisor: Value,
}

/// Makes the keyword.
pub(crate) fn of<'a>(
    _: &'a Map<String, Value>,
    divisor: &'a Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    Ok(Box::new(MultipleOf { divisor: divisor.clone() }))
}

impl<'i> Keyword<'i> for MultipleOf {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        Err(ValidationError::custom(format!("{instance} is not a multiple of {}", self.divisor)))
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        match (whole(instance), whole(&self.divisor)) {
            (Some(value), Some(divisor)) => divisor != 0 && value % divisor == 0,
            _ => match (instance.as_f64(), self.divisor.as_f64()) {
                (Some(value), Some(divisor)) => {
                    let quotient = value / divisor;
                    quotient == quotient.round()
                }
                _ => true,
            },
        }
    }
}

/// A whole number of 64 bits.
fn whole(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn large_divisors_divide_exactly() {
        let keyword = |divisor: u64| MultipleOf { divisor: json!(divisor) };
        assert!(keyword(9_007_199_254_740_993).is_valid(&json!(9_007_199_254_740_993_u64)));
        assert!(!keyword(9_007_199_254_740_993).is_valid(&json!(9_007_199_254_740_992_u64)));
        assert!(keyword(9_007_199_254_740_993).is_valid(&json!("text")));
        assert!(is_needed(&json!({"items": {"multipleOf": 9_007_199_254_740_993_u64}})));
        assert!(!is_needed(&json!({"multipleOf": 3})));
    }
}
