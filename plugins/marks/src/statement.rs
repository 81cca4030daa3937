//! What stands before a mark: statements joined by `,`, each a chain of `=` or of `<`.

use crate::expression;
use crate::task::Task;

/// The longest check that is read, in bytes: far above what a task can ask for, and cheap to compute.
const LONGEST: usize = 512;

/// Whether a check comes out as the task asks; why it is none, where it computes something else or computes it wrongly.
pub(crate) fn outcome(step: &str, task: &Task) -> Result<bool, String> {
    if step.len() > LONGEST {
        return Err(format!("a check of more than {LONGEST} bytes is not read"));
    }
    let step: String = step.chars().filter(|c| !c.is_whitespace()).collect();
    if task.goals.is_empty() { order(&step, task) } else { equations(&step, task) }
}

/// `1<3<7`: whether it ascends.
fn order(step: &str, task: &Task) -> Result<bool, String> {
    let parsed = step.split('<').map(|number| number.parse::<i64>().map_err(|_| not_a_chain(step)));
    let numbers = parsed.collect::<Result<Vec<_>, _>>()?;
    check_numbers(numbers.clone(), task)?;
    Ok(numbers.is_sorted_by(|a, b| a < b))
}

/// `3*4+5=12+5=17`: whether the value is the goal. Each member has the same value, and the first is what the task asks for.
fn equations(step: &str, task: &Task) -> Result<bool, String> {
    let statements: Vec<&str> = step.split(',').collect();
    if statements.len() != task.goals.len() {
        return Err(format!("{} statements where the task has {}", statements.len(), task.goals.len()));
    }
    let mut variables = Vec::new();
    let mut all_reached = true;
    for (index, (statement, goal)) in statements.iter().zip(&task.goals).enumerate() {
        let members: Vec<&str> = statement.split('=').collect();
        let first = members[0];
        if members.len() < 2 {
            return Err(not_a_chain(statement));
        }
        if let Some(forms) = &task.forms
            && !forms[index].fits(first, &mut variables)
        {
            return Err(format!("{first} is not what the task has checked"));
        }
        if task.begins.as_ref().is_some_and(|begins| !first.starts_with(begins.as_str())) {
            return Err(format!("{first} does not begin with what is given"));
        }
        if task.numbers.is_some() {
            check_numbers(expression::numbers(first), task)?;
        }
        let value = expression::value(first)?;
        for member in &members[1..] {
            if expression::value(member)? != value {
                return Err(format!("{first} is not {member}"));
            }
        }
        if !is_plain(members[members.len() - 1]) {
            return Err(format!("{statement} ends before its value"));
        }
        all_reached &= value == *goal;
    }
    Ok(all_reached)
}

/// Whether a text is a value and nothing that is still to be computed.
fn is_plain(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let quoted = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    is_number || quoted.is_some_and(|inner| !inner.contains('\''))
}

fn check_numbers(mut used: Vec<i64>, task: &Task) -> Result<(), String> {
    used.sort_unstable();
    match &task.numbers {
        Some(given) if *given != used => Err("the numbers are not those that are given".to_owned()),
        _ => Ok(()),
    }
}

fn not_a_chain(step: &str) -> String {
    format!("{step:?} computes nothing")
}

/// The value that a goal has.
#[cfg(test)]
fn number(number: i64) -> expression::Value {
    expression::value(&number.to_string()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Form;

    fn task(goals: &[i64], forms: &[&str]) -> Task {
        Task {
            goals: goals.iter().copied().map(number).collect(),
            forms: (!forms.is_empty()).then(|| forms.iter().copied().map(Form::new).collect()),
            begins: None,
            numbers: None,
        }
    }

    #[test]
    fn every_member_of_a_chain_has_the_same_value() {
        let task = task(&[20], &["3*x+5"]);
        assert_eq!(outcome("3*5+5=15+5=20", &task), Ok(true));
        assert_eq!(outcome("3*4+5=12+5=17", &task), Ok(false));
        for forged in ["3*4+5=20", "3*4+5=12+5=20", "3*5+5=16+5=20", "20=20", "3*5+5", "", "3*5+5=15+5"] {
            assert!(outcome(forged, &task).is_err(), "{forged}");
        }
    }

    #[test]
    fn several_statements_all_have_to_hold() {
        let task = task(&[9, 18], &["x+y", "x*y"]);
        assert_eq!(outcome("3+6=9,3*6=18", &task), Ok(true));
        assert_eq!(outcome("4+5=9,4*5=20", &task), Ok(false));
        assert!(outcome("3+6=9", &task).is_err() && outcome("3+6=9,2*9=18", &task).is_err());
    }

    #[test]
    fn an_order_has_all_numbers() {
        let task = Task { numbers: Some(vec![1, 3, 7]), ..task(&[], &[]) };
        assert_eq!((outcome("1<3<7", &task), outcome("3<1<7", &task)), (Ok(true), Ok(false)));
        assert!(
            outcome("1<7", &task).is_err()
                && outcome("1<3<3<7", &task).is_err()
                && outcome("", &task).is_err()
        );
    }

    #[test]
    fn an_expression_uses_the_numbers_that_are_given() {
        let task = Task { numbers: Some(vec![2, 3, 5]), ..task(&[13], &[]) };
        assert_eq!(outcome("5*2+3=10+3=13", &task), Ok(true));
        assert_eq!(outcome("3+5+2=8+2=10", &task), Ok(false));
        assert!(outcome("10+3=13", &task).is_err());
    }
}
