//! An expression as a tree of two kinds of node, numbers and conditions, and the walk that computes its value. Texts are
//! only there to be compared with columns of the task.
//!
//! evalexpr parses; what it parsed is turned into this tree once, when a reward file is loaded. A condition where a
//! number belongs, or three arguments where one belongs, has no place in the tree, so it is found then. The walk
//! computes only what it needs: of `if` the branch that is taken, of `&&` and `||` the right side where the left one
//! leaves it open. A verifier without verdict in the other branch changes nothing.

use evalexpr::{Node, Operator, Value};
use gavel_verify::NoReward;

use super::functions::{Body, Function, call, power};
use super::group::Call;
use crate::error::FormulaError;

/// Nested deeper than this, a formula is refused: it could fill the stack of the thread that computes it.
const DEEPEST: usize = 500;

/// A part of an expression.
#[derive(Debug, Clone)]
pub(super) enum Term {
    Number(Number),
    Truth(Truth),
    Text(String),
    /// A column of the task, whose kind is known when there is a task.
    Column(usize),
}

/// What a name stands for, by its place among others of its kind.
#[derive(Debug, Clone, Copy)]
pub(super) enum Name {
    Verifier(usize),
    Column(usize),
}

/// What is a number.
#[derive(Debug, Clone)]
pub(super) enum Number {
    Constant(f64),
    /// A verifier's reward or metric, by its place among the expression's inputs.
    Input(usize),
    /// A column of the task that holds a number.
    Column(usize),
    Negative(Box<Number>),
    Arithmetic(fn(f64, f64) -> f64, Box<[Number; 2]>),
    Call(Body, Vec<Number>),
    If(Box<(Truth, Number, Number)>),
    /// A call over the completions of a group, by its place among the expression's.
    Group(usize),
}

/// What is true or false.
#[derive(Debug, Clone)]
pub(super) enum Truth {
    Constant(bool),
    Compare(fn(&f64, &f64) -> bool, Box<[Number; 2]>),
    Is(fn(f64) -> bool, Box<Number>),
    Not(Box<Truth>),
    And(Box<[Truth; 2]>),
    Or(Box<[Truth; 2]>),
    /// Whether two conditions are alike.
    Same(Box<[Truth; 2]>),
    If(Box<(Truth, Truth, Truth)>),
    /// A column of the task that is true or false.
    Column(usize),
    /// Whether a column of the task holds this text.
    ColumnIs(usize, String),
    /// Whether two columns hold the same.
    SameColumns([usize; 2]),
}

/// What the names of an expression are worth.
pub(super) trait Look {
    /// The value of the input at this place.
    fn input(&self, place: usize) -> Result<f64, NoReward>;

    /// The number in the column of the task at this place.
    fn number_in(&self, column: usize) -> Result<f64, NoReward>;

    /// Whether it is true in that column.
    fn truth_in(&self, column: usize) -> Result<bool, NoReward>;

    /// Whether that column holds this text.
    fn text_is(&self, column: usize, text: &str) -> Result<bool, NoReward>;

    /// Whether two columns hold the same.
    fn are_the_same(&self, columns: [usize; 2]) -> Result<bool, NoReward>;

    /// What the call at this place, over all completions of the prompt, is worth to this one.
    fn call(&self, _place: usize) -> Result<f64, NoReward> {
        Err(NoReward::NoGroup)
    }
}

impl Number {
    /// Its value, which may be infinite or NaN.
    pub(super) fn value(&self, look: &dyn Look) -> Result<f64, NoReward> {
        match self {
            Self::Constant(number) => Ok(*number),
            Self::Input(place) => look.input(*place),
            Self::Column(column) => look.number_in(*column),
            Self::Negative(number) => Ok(-number.value(look)?),
            Self::Arithmetic(operation, sides) => {
                let [left, right] = &**sides;
                Ok(operation(left.value(look)?, right.value(look)?))
            }
            Self::Call(body, arguments) => {
                let arguments = arguments.iter().map(|argument| argument.value(look));
                Ok(call(*body, &arguments.collect::<Result<Vec<_>, _>>()?))
            }
            Self::If(parts) => {
                let (condition, yes, no) = &**parts;
                if condition.holds(look)? { yes.value(look) } else { no.value(look) }
            }
            Self::Group(call) => look.call(*call),
        }
    }
}

impl Truth {
    /// Whether it holds. What is not a number is neither equal to another nor less nor greater, so a comparison with it
    /// has no answer: the whole expression has none then.
    pub(super) fn holds(&self, look: &dyn Look) -> Result<bool, NoReward> {
        match self {
            Self::Constant(truth) => Ok(*truth),
            Self::Compare(comparison, sides) => {
                let [left, right] = [sides[0].value(look)?, sides[1].value(look)?];
                if left.is_nan() || right.is_nan() {
                    return Err(NoReward::NotFinite { value: f64::NAN });
                }
                Ok(comparison(&left, &right))
            }
            Self::Is(test, number) => Ok(test(number.value(look)?)),
            Self::Not(truth) => Ok(!truth.holds(look)?),
            Self::And(sides) => Ok(sides[0].holds(look)? && sides[1].holds(look)?),
            Self::Or(sides) => Ok(sides[0].holds(look)? || sides[1].holds(look)?),
            Self::Same(sides) => Ok(sides[0].holds(look)? == sides[1].holds(look)?),
            Self::If(parts) => {
                let (condition, yes, no) = &**parts;
                if condition.holds(look)? { yes.holds(look) } else { no.holds(look) }
            }
            Self::Column(column) => look.truth_in(*column),
            Self::ColumnIs(column, text) => look.text_is(*column, text),
            Self::SameColumns(columns) => look.are_the_same(*columns),
        }
    }
}

/// Turns what evalexpr parsed into a tree, and its calls over groups, each behind those in its argument. `input` gives a
/// name its place among the expression's inputs.
pub(super) fn build(
    node: &Node,
    input: &mut dyn FnMut(&str) -> Result<Name, FormulaError>,
) -> Result<(Term, Vec<Call>), FormulaError> {
    let mut builder = Builder { input, depth: 0, calls: Vec::new() };
    let term = builder.term(node)?;
    Ok((term, builder.calls))
}

struct Builder<'a> {
    input: &'a mut dyn FnMut(&str) -> Result<Name, FormulaError>,
    depth: usize,
    calls: Vec<Call>,
}

impl Builder<'_> {
    fn term(&mut self, node: &Node) -> Result<Term, FormulaError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(FormulaError::TooDeep { deepest: DEEPEST });
        }
        let term = self.term_within(within_parentheses(node)?);
        self.depth -= 1;
        term
    }

    fn term_within(&mut self, node: &Node) -> Result<Term, FormulaError> {
        use Operator as Op;
        let number = Term::Number;
        let truth = Term::Truth;
        Ok(match node.operator() {
            // Every number is a float: `1/2` is a half, as everybody expects of a formula over rewards.
            Op::Const { value: Value::Int(whole) } => number(Number::Constant(*whole as f64)),
            Op::Const { value: Value::Float(float) } => number(Number::Constant(*float)),
            Op::Const { value: Value::Boolean(constant) } => truth(Truth::Constant(*constant)),
            Op::Const { value: Value::String(text) } => Term::Text(text.clone()),
            Op::VariableIdentifierRead { identifier } => match (self.input)(identifier)? {
                Name::Verifier(place) => number(Number::Input(place)),
                Name::Column(place) => Term::Column(place),
            },
            Op::Neg => {
                let [operand] = operands(node)?;
                number(Number::Negative(Box::new(self.number(operand)?)))
            }
            Op::Add => number(self.arithmetic(node, |a, b| a + b)?),
            Op::Sub => number(self.arithmetic(node, |a, b| a - b)?),
            Op::Mul => number(self.arithmetic(node, |a, b| a * b)?),
            Op::Div => number(self.arithmetic(node, |a, b| a / b)?),
            Op::Mod => number(self.arithmetic(node, |a, b| a % b)?),
            Op::Exp => number(self.arithmetic(node, power)?),
            Op::Eq => truth(self.equality(node)?),
            Op::Neq => truth(Truth::Not(Box::new(self.equality(node)?))),
            Op::Lt => truth(self.comparison(node, f64::lt)?),
            Op::Leq => truth(self.comparison(node, f64::le)?),
            Op::Gt => truth(self.comparison(node, f64::gt)?),
            Op::Geq => truth(self.comparison(node, f64::ge)?),
            Op::Not => {
                let [operand] = operands(node)?;
                truth(Truth::Not(Box::new(self.truth(operand)?)))
            }
            Op::And => truth(Truth::And(self.truths(node)?)),
            Op::Or => truth(Truth::Or(self.truths(node)?)),
            Op::FunctionIdentifier { identifier } => self.function(identifier, node)?,
            _ => return Err(FormulaError::NotAValue { found: written(node) }),
        })
    }

    fn number(&mut self, node: &Node) -> Result<Number, FormulaError> {
        match self.term(node)? {
            Term::Number(number) => Ok(number),
            Term::Column(place) => Ok(Number::Column(place)),
            Term::Truth(_) => Err(FormulaError::NumberNeeded { found: written(node) }),
            Term::Text(_) => Err(FormulaError::NotAValue { found: written(node) }),
        }
    }

    fn truth(&mut self, node: &Node) -> Result<Truth, FormulaError> {
        match self.term(node)? {
            Term::Truth(truth) => Ok(truth),
            Term::Column(place) => Ok(Truth::Column(place)),
            Term::Number(_) => Err(FormulaError::ConditionNeeded { found: written(node) }),
            Term::Text(_) => Err(FormulaError::NotAValue { found: written(node) }),
        }
    }

    fn truths(&mut self, node: &Node) -> Result<Box<[Truth; 2]>, FormulaError> {
        let [left, right] = operands(node)?;
        Ok(Box::new([self.truth(left)?, self.truth(right)?]))
    }

    fn arithmetic(&mut self, node: &Node, operation: fn(f64, f64) -> f64) -> Result<Number, FormulaError> {
        let [left, right] = operands(node)?;
        Ok(Number::Arithmetic(operation, Box::new([self.number(left)?, self.number(right)?])))
    }

    fn comparison(&mut self, node: &Node, comparison: fn(&f64, &f64) -> bool) -> Result<Truth, FormulaError> {
        let [left, right] = operands(node)?;
        Ok(Truth::Compare(comparison, Box::new([self.number(left)?, self.number(right)?])))
    }

    /// Two numbers or two conditions can be equal; a number and a condition cannot. A column of the task can be equal to
    /// a number, a condition, a text or another column.
    fn equality(&mut self, node: &Node) -> Result<Truth, FormulaError> {
        let [left, right] = operands(node)?;
        Ok(match (self.term(left)?, self.term(right)?) {
            (Term::Column(one), Term::Column(other)) => Truth::SameColumns([one, other]),
            (Term::Column(place), Term::Text(text)) | (Term::Text(text), Term::Column(place)) => {
                Truth::ColumnIs(place, text)
            }
            (Term::Column(place), Term::Number(number)) | (Term::Number(number), Term::Column(place)) => {
                Truth::Compare(f64::eq, Box::new([Number::Column(place), number]))
            }
            (Term::Column(place), Term::Truth(truth)) | (Term::Truth(truth), Term::Column(place)) => {
                Truth::Same(Box::new([Truth::Column(place), truth]))
            }
            (Term::Number(one), Term::Number(other)) => Truth::Compare(f64::eq, Box::new([one, other])),
            (Term::Truth(one), Term::Truth(other)) => Truth::Same(Box::new([one, other])),
            (Term::Number(_) | Term::Truth(_), Term::Text(_)) => {
                return Err(FormulaError::ColumnNeeded { found: written(left) });
            }
            (Term::Number(_), _) => return Err(FormulaError::NumberNeeded { found: written(right) }),
            (Term::Truth(_), _) => return Err(FormulaError::ConditionNeeded { found: written(right) }),
            (Term::Text(_), _) => return Err(FormulaError::ColumnNeeded { found: written(right) }),
        })
    }

    fn function(&mut self, name: &str, node: &Node) -> Result<Term, FormulaError> {
        let function = Function::named(name).ok_or_else(|| FormulaError::UnknownFunction {
            name: name.to_owned(),
            suggestion: Function::meant_by(name).map(str::to_owned),
        })?;
        let arguments = arguments(node)?;
        let found = arguments.len();
        let fits = function.body.arguments().map_or_else(|least| found >= least, |count| found == count);
        match (function.body, arguments) {
            _ if !fits => Err(FormulaError::Arguments {
                name: name.to_owned(),
                expected: function.body.arguments(),
                found,
            }),
            (Body::If, &[ref condition, ref yes, ref no]) => self.conditional(condition, yes, no),
            (Body::Group(function), arguments) => {
                let argument = arguments.first().map(|argument| self.number(argument)).transpose()?;
                self.calls.push(Call { function, argument });
                Ok(Term::Number(Number::Group(self.calls.len() - 1)))
            }
            (Body::Is(test), [number]) => Ok(Term::Truth(Truth::Is(test, Box::new(self.number(number)?)))),
            (body, arguments) => {
                let arguments = arguments.iter().map(|argument| self.number(argument));
                Ok(Term::Number(Number::Call(body, arguments.collect::<Result<_, _>>()?)))
            }
        }
    }

    fn conditional(&mut self, condition: &Node, yes: &Node, no: &Node) -> Result<Term, FormulaError> {
        let condition = self.truth(condition)?;
        Ok(match self.term(yes)? {
            Term::Truth(yes) => Term::Truth(Truth::If(Box::new((condition, yes, self.truth(no)?)))),
            _ => {
                let yes = self.number(yes)?;
                Term::Number(Number::If(Box::new((condition, yes, self.number(no)?))))
            }
        })
    }
}

/// evalexpr keeps parentheses, and the whole expression, as a node with the expression inside.
fn within_parentheses(mut node: &Node) -> Result<&Node, FormulaError> {
    while *node.operator() == Operator::RootNode {
        let [inner] = node.children() else { return Err(FormulaError::NotAValue { found: written(node) }) };
        node = inner;
    }
    Ok(node)
}

/// The operands of an operator that takes exactly so many.
fn operands<const COUNT: usize>(node: &Node) -> Result<&[Node; COUNT], FormulaError> {
    node.children().try_into().map_err(|_| FormulaError::Operands {
        operator: node.operator().to_string(),
        expected: COUNT,
        found: node.children().len(),
    })
}

/// The arguments of a call: of one there is no list, and of none there is nothing within the parentheses.
fn arguments(call: &Node) -> Result<&[Node], FormulaError> {
    let mut list = call.children();
    while let [node] = list
        && matches!(node.operator(), Operator::RootNode | Operator::Tuple)
    {
        list = node.children();
    }
    Ok(list)
}

/// What stands there, in a few words.
fn written(node: &Node) -> String {
    match node.operator() {
        Operator::RootNode => match node.children() {
            [inner] => written(inner),
            _ => "nothing".to_owned(),
        },
        Operator::FunctionIdentifier { identifier } => format!("`{identifier}(…)`"),
        Operator::Tuple => "a list of values".to_owned(),
        Operator::Chain => "`;`".to_owned(),
        Operator::Const { value: Value::String(_) } => "text".to_owned(),
        operator => format!("`{}`", operator.to_string().trim()),
    }
}
