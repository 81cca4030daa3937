//! Expressions: literals, operators, comparisons, and calls of the program or of builtins.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_traits::{Num, ToPrimitive};
use ruff_python_ast::{Arguments, BoolOp, CmpOp, DictItem, Expr, ExprCall, Number, UnaryOp};

use super::{Bound, Evaluated, Miss, Run, arithmetic, builtins};
use crate::knowledge::{Argument, CallSite, Question};
use crate::value::{BUILTINS, Value, compare};

impl<'a> Run<'a> {
    pub(super) fn expression(&mut self, expression: &'a Expr) -> Evaluated {
        match expression {
            Expr::NoneLiteral(_) => Ok(Some(Value::None)),
            Expr::BooleanLiteral(literal) => Ok(Some(Value::Bool(literal.value))),
            Expr::StringLiteral(literal) => Ok(Some(Value::Str(literal.value.to_str().to_owned()))),
            Expr::BytesLiteral(literal) => Ok(Some(Value::Bytes(literal.value.bytes().collect()))),
            Expr::NumberLiteral(literal) => number(&literal.value).map(Some),
            Expr::List(list) => self.sequence(&list.elts, Value::List),
            Expr::Tuple(tuple) => self.sequence(&tuple.elts, Value::Tuple),
            Expr::Set(set) => self.sequence(&set.elts, Value::List).and_then(|items| match items {
                Some(items) => builtins::set(&items, Value::Set).map(Some),
                None => Ok(None),
            }),
            Expr::Dict(dict) => self.dict(dict),
            Expr::Name(name) => match self.lookup(name.id.as_str()) {
                Some(Bound::Value(value)) => Ok(Some(value.clone())),
                None if BUILTINS.contains(&name.id.as_str()) => Ok(Some(Value::Library(name.id.to_string()))),
                _ => Err(Miss::NotHere),
            },
            Expr::Attribute(attribute) => match &*attribute.value {
                Expr::Name(module)
                    if matches!(self.lookup(module.id.as_str()), Some(Bound::Module("math"))) =>
                {
                    builtins::math_constant(attribute.attr.as_str()).map(Some)
                }
                _ => Err(Miss::NotHere),
            },
            Expr::UnaryOp(operation) => {
                let Some(value) = self.expression(&operation.operand)? else { return Ok(None) };
                match operation.op {
                    UnaryOp::Not => Ok(Some(Value::Bool(!value.truth().ok_or(Miss::NotHere)?))),
                    op => arithmetic::unary(op, &value).map(Some),
                }
            }
            Expr::BinOp(operation) => {
                let (left, right) = (self.expression(&operation.left)?, self.expression(&operation.right)?);
                let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
                arithmetic::binary(operation.op, &left, &right).map(Some)
            }
            Expr::BoolOp(operation) => self.bool_op(operation.op, &operation.values),
            Expr::Compare(comparison) => {
                self.comparison(&comparison.left, &comparison.ops, &comparison.comparators)
            }
            Expr::Subscript(subscript) => {
                let (value, index) = (self.expression(&subscript.value)?, self.expression(&subscript.slice)?);
                let (Some(value), Some(index)) = (value, index) else { return Ok(None) };
                item(&value, &index).map(Some)
            }
            Expr::Call(call) => self.call(call),
            _ => Err(Miss::NotHere),
        }
    }

    fn sequence(&mut self, items: &'a [Expr], make: fn(Vec<Value>) -> Value) -> Evaluated {
        let items: Vec<Option<Value>> =
            items.iter().map(|item| self.expression(item)).collect::<Result<_, _>>()?;
        Ok(items.into_iter().collect::<Option<Vec<_>>>().map(make))
    }

    fn dict(&mut self, dict: &'a ruff_python_ast::ExprDict) -> Evaluated {
        let mut entries: Vec<(Value, Value)> = Vec::new();
        let mut complete = true;
        for item in &dict.items {
            let key = self.expression(item.key.as_ref().ok_or(Miss::NotHere)?)?;
            let value = self.expression(&item.value)?;
            let (Some(key), Some(value)) = (key, value) else {
                complete = false;
                continue;
            };
            if !key.hashable() {
                return Err(Miss::NotHere);
            }
            entries.retain(|(other, _)| other.equals(&key) != Ok(true));
            entries.push((key, value));
        }
        Ok(complete.then_some(Value::Dict(entries)))
    }

    /// While calls are noted, all operands are looked at; later only those that Python would.
    fn bool_op(&mut self, op: BoolOp, operands: &'a [Expr]) -> Evaluated {
        let mut last = None;
        let mut unknown = false;
        for operand in operands {
            match self.expression(operand)? {
                None => unknown = true,
                Some(value) => {
                    let truth = value.truth().ok_or(Miss::NotHere)?;
                    last = Some(value);
                    if !unknown && truth == (op == BoolOp::Or) {
                        return Ok(last);
                    }
                }
            }
        }
        Ok(last.filter(|_| !unknown))
    }

    fn comparison(&mut self, left: &'a Expr, ops: &[CmpOp], comparators: &'a [Expr]) -> Evaluated {
        let mut left = self.expression(left)?;
        let mut unknown = false;
        for (op, right) in ops.iter().zip(comparators) {
            let right = self.expression(right)?;
            match (&left, &right) {
                (Some(left), Some(right)) if !compared(*op, left, right)? => {
                    if !unknown {
                        return Ok(Some(Value::Bool(false)));
                    }
                }
                (Some(_), Some(_)) => {}
                _ => unknown = true,
            }
            left = right;
        }
        Ok((!unknown).then_some(Value::Bool(true)))
    }

    fn call(&mut self, call: &'a ExprCall) -> Evaluated {
        match &*call.func {
            Expr::Name(name) => match self.lookup(name.id.as_str()).cloned() {
                Some(Bound::Program(function)) => match self.arguments(&call.arguments)? {
                    Some((args, kwargs)) => {
                        let site = CallSite::of(call);
                        let args = args.into_iter().map(|value| Argument::at(&site, value)).collect();
                        let named =
                            kwargs.into_iter().map(|(name, value)| (name, Argument::at(&site, value)));
                        self.ask(Question::call(&function, args, named.collect()))
                    }
                    None => Err(Miss::NotHere), // an answer goes into another call
                },
                Some(_) => Err(Miss::NotHere),
                None if name.id.as_str() == "isinstance" => self.isinstance(&call.arguments),
                None => match self.arguments(&call.arguments)? {
                    Some((args, kwargs)) => builtins::call(name.id.as_str(), args, &kwargs).map(Some),
                    None => Ok(None),
                },
            },
            Expr::Attribute(attribute) => match &*attribute.value {
                Expr::Name(module)
                    if matches!(self.lookup(module.id.as_str()), Some(Bound::Module("math"))) =>
                {
                    match self.arguments(&call.arguments)? {
                        Some((args, kwargs)) => {
                            builtins::math(attribute.attr.as_str(), &args, &kwargs).map(Some)
                        }
                        None => Ok(None),
                    }
                }
                _ => Err(Miss::NotHere),
            },
            _ => Err(Miss::NotHere),
        }
    }

    /// The arguments of a call. A list held by a variable is handed over once only: the program may change it.
    #[expect(clippy::type_complexity, reason = "positional and named arguments, as everywhere")]
    fn arguments(
        &mut self,
        arguments: &'a Arguments,
    ) -> Result<Option<(Vec<Value>, Vec<(String, Value)>)>, Miss> {
        let mut args = Vec::new();
        let mut kwargs = Vec::new();
        let mut complete = true;
        for arg in &arguments.args {
            if matches!(arg, Expr::Starred(_)) {
                return Err(Miss::NotHere);
            }
            let value = self.expression(arg)?;
            if let (Expr::Name(name), Some(value)) = (arg, &value) {
                self.spend(name.id.as_str(), value);
            }
            complete &= value.is_some();
            args.extend(value);
        }
        for keyword in &arguments.keywords {
            let name = keyword.arg.as_ref().ok_or(Miss::NotHere)?;
            let value = self.expression(&keyword.value)?;
            if let (Expr::Name(name), Some(value)) = (&keyword.value, &value) {
                self.spend(name.id.as_str(), value);
            }
            complete &= value.is_some();
            kwargs.extend(value.map(|value| (name.to_string(), value)));
        }
        Ok(complete.then_some((args, kwargs)))
    }

    fn spend(&mut self, name: &str, value: &Value) {
        if !value.hashable() || matches!(value, Value::Iterator(_)) {
            self.bind(name, Bound::Other);
        }
    }

    fn isinstance(&mut self, arguments: &'a Arguments) -> Evaluated {
        let [value, classes] = &*arguments.args else { return Err(Miss::NotHere) };
        let classes: Vec<&str> = match classes {
            Expr::Name(name) => vec![name.id.as_str()],
            Expr::Tuple(tuple) => tuple
                .elts
                .iter()
                .map(|class| class.as_name_expr().map(|name| name.id.as_str()).ok_or(Miss::NotHere))
                .collect::<Result<_, _>>()?,
            _ => return Err(Miss::NotHere),
        };
        if classes.iter().any(|class| self.lookup(class).is_some()) {
            return Err(Miss::NotHere);
        }
        match self.expression(value)? {
            Some(value) => builtins::isinstance(&value, &classes).map(|is| Some(Value::Bool(is))),
            None => Ok(None),
        }
    }
}

/// The value of an expression that is a literal, or a display of literals.
pub(in crate::asserts) fn literal(expression: &Expr) -> Option<Value> {
    let all = |parts: &[Expr]| parts.iter().map(literal).collect::<Option<Vec<_>>>();
    Some(match expression {
        Expr::NoneLiteral(_) => Value::None,
        Expr::BooleanLiteral(literal) => Value::Bool(literal.value),
        Expr::StringLiteral(literal) => Value::Str(literal.value.to_str().to_owned()),
        Expr::BytesLiteral(literal) => Value::Bytes(literal.value.bytes().collect()),
        Expr::NumberLiteral(literal) => number(&literal.value).ok()?,
        Expr::UnaryOp(unary) if unary.op == UnaryOp::USub && unary.operand.is_number_literal_expr() => {
            arithmetic::unary(unary.op, &literal(&unary.operand)?).ok()?
        }
        Expr::List(list) => Value::List(all(&list.elts)?),
        Expr::Tuple(tuple) => Value::Tuple(all(&tuple.elts)?),
        Expr::Set(set) => Value::Set(all(&set.elts)?),
        Expr::Dict(dict) => {
            let entry = |item: &DictItem| Some((literal(item.key.as_ref()?)?, literal(&item.value)?));
            Value::Dict(dict.items.iter().map(entry).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn number(number: &Number) -> Result<Value, Miss> {
    match number {
        Number::Float(float) => Ok(Value::Float(*float)),
        Number::Complex { real, imag } => Ok(Value::Complex(*real, *imag)),
        Number::Int(int) => {
            let text = int.to_string().to_ascii_lowercase().replace('_', "");
            let (digits, radix) = match text.get(..2) {
                Some("0x") => (&text[2..], 16),
                Some("0o") => (&text[2..], 8),
                Some("0b") => (&text[2..], 2),
                _ => (text.as_str(), 10),
            };
            BigInt::from_str_radix(digits, radix).map(Value::Int).map_err(|_| Miss::NotHere)
        }
    }
}

fn compared(op: CmpOp, left: &Value, right: &Value) -> Result<bool, Miss> {
    let equal = || left.equals(right).map_err(|_| Miss::NotHere);
    let order = |wanted: &[Ordering]| {
        let order = compare(left, right).map_err(|_| unordered(left, right))?;
        Ok(order.is_some_and(|order| wanted.contains(&order)))
    };
    match op {
        CmpOp::Eq => equal(),
        CmpOp::NotEq => equal().map(|equal| !equal),
        CmpOp::Lt => order(&[Ordering::Less]),
        CmpOp::LtE => order(&[Ordering::Less, Ordering::Equal]),
        CmpOp::Gt => order(&[Ordering::Greater]),
        CmpOp::GtE => order(&[Ordering::Greater, Ordering::Equal]),
        CmpOp::Is => identical(left, right),
        CmpOp::IsNot => identical(left, right).map(|same| !same),
        CmpOp::In => contains(right, left),
        CmpOp::NotIn => contains(right, left).map(|contained| !contained),
    }
}

/// A number and a text have no order in Python; sets, dicts and the program's objects are left to it.
fn unordered(left: &Value, right: &Value) -> Miss {
    let plain = |value: &Value| {
        value.number().is_some() || matches!(value, Value::Str(_) | Value::None | Value::List(_))
    };
    if plain(left) && plain(right) && left.type_name() != right.type_name() {
        return Miss::Raises(format!("raised TypeError: {} beside {}", left.type_name(), right.type_name()));
    }
    Miss::NotHere
}

/// `is`, for what there is only one of.
fn identical(left: &Value, right: &Value) -> Result<bool, Miss> {
    match (left, right) {
        (_, Value::None) => Ok(matches!(left, Value::None)),
        (_, Value::Bool(right)) => Ok(matches!(left, Value::Bool(left) if left == right)),
        _ => Err(Miss::NotHere),
    }
}

fn contains(container: &Value, item: &Value) -> Result<bool, Miss> {
    match (container, item) {
        (Value::Str(text), Value::Str(part)) => Ok(text.contains(part.as_str())),
        (Value::List(items) | Value::Tuple(items), _) => any_equal(items.iter(), item),
        (Value::Set(items) | Value::FrozenSet(items), _) if item.hashable() => any_equal(items.iter(), item),
        (Value::Dict(entries), _) if item.hashable() => any_equal(entries.iter().map(|(key, _)| key), item),
        _ => Err(Miss::NotHere),
    }
}

fn any_equal<'v>(mut items: impl Iterator<Item = &'v Value>, item: &Value) -> Result<bool, Miss> {
    items.try_fold(false, |found, other| Ok(found || other.equals(item).map_err(|_| Miss::NotHere)?))
}

/// Where an index points to among so many items; `None` where that is before the first.
fn place(index: &Value, length: usize) -> Result<Option<usize>, Miss> {
    let index = index.number().and_then(|index| index.to_int()).ok_or(Miss::NotHere)?;
    let index = index.to_i64().ok_or(Miss::NotHere)?;
    let place = if index < 0 { index + length as i64 } else { index };
    Ok(usize::try_from(place).ok())
}

fn no_such_index() -> Miss {
    Miss::Raises("raised IndexError".to_owned())
}

fn item(value: &Value, index: &Value) -> Result<Value, Miss> {
    match value {
        Value::Dict(entries) if index.hashable() => entries
            .iter()
            .find(|(key, _)| key.equals(index) == Ok(true))
            .map(|(_, value)| value.clone())
            .ok_or_else(|| Miss::Raises("raised KeyError".to_owned())),
        Value::List(items) | Value::Tuple(items) => {
            place(index, items.len())?.and_then(|place| items.get(place).cloned()).ok_or_else(no_such_index)
        }
        Value::Str(text) => {
            let letter = |place| text.chars().nth(place).map(|letter| Value::Str(letter.to_string()));
            place(index, text.chars().count())?.and_then(letter).ok_or_else(no_such_index)
        }
        Value::None => Err(Miss::Raises("raised TypeError: None is not subscriptable".to_owned())),
        _ => Err(Miss::NotHere),
    }
}
