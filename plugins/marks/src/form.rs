//! What a check computes, as a text with variables: `3*x+5` is what `3*4+5` looks like.

/// A text in which `x`, `y` and `z` stand for whole numbers, each for the same one wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form(String);

impl Form {
    /// White space does not count.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.chars().filter(|c| !c.is_whitespace()).collect())
    }

    /// Whether `text` is this form with numbers in place of its variables. `known` are those that earlier statements of
    /// the same check have fixed.
    pub(crate) fn fits(&self, text: &str, known: &mut Vec<(char, String)>) -> bool {
        let mut rest = text;
        for sign in self.0.chars() {
            if !matches!(sign, 'x' | 'y' | 'z') {
                let Some(after) = rest.strip_prefix(sign) else { return false };
                rest = after;
                continue;
            }
            let length = number_length(rest);
            let (number, after) = rest.split_at(length);
            if number.is_empty() {
                return false;
            }
            match known.iter().find(|(variable, _)| *variable == sign) {
                Some((_, value)) if value != number => return false,
                Some(_) => {}
                None => known.push((sign, number.to_owned())),
            }
            rest = after;
        }
        rest.is_empty()
    }
}

/// How many bytes of the text are a whole number.
fn number_length(text: &str) -> usize {
    let sign = usize::from(text.starts_with('-'));
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 { 0 } else { sign + digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(form: &str, text: &str) -> bool {
        Form::new(form).fits(text, &mut Vec::new())
    }

    #[test]
    fn a_variable_is_the_same_number_everywhere() {
        assert!(fits("3*x+5", "3*4+5") && fits("3*x + 5", "3*-41+5"));
        assert!(!fits("3*x+5", "3*4+6") && !fits("3*x+5", "3*+5") && !fits("3*x+5", "3*4+5+0"));
        assert!(fits("x*x+3*x", "4*4+3*4") && !fits("x*x+3*x", "4*4+3*5"));
    }

    #[test]
    fn statements_of_one_check_share_their_variables() {
        let mut known = Vec::new();
        assert!(Form::new("x+y").fits("3+6", &mut known));
        assert!(!Form::new("x*y").fits("3*7", &mut known));
        assert!(Form::new("x*y").fits("3*6", &mut known));
    }
}
