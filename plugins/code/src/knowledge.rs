//! Who may know what, as types: nothing that a test holds reaches the program but what the test passes in a call.
//!
//! A [`Question`] is all that is ever sent to an interpreter that runs the program. The data in it are [`Argument`]s,
//! and those are made here only: of the arguments of a call that stands in the test, of the input of a task's case, or
//! of what the trusted interpreter reports of such calls, which is parsed and not taken on trust. An operator takes
//! objects of the program, or a literal that the test's text has at a place where no expected value stands
//! ([`Operands`]), so an expected value on its other side cannot be said. `SECURITY.md` has the
//! argument in full.

use std::collections::BTreeSet;

use ruff_python_ast::ExprCall;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use crate::ahead::leaves;
use crate::asserts::{OperandSite, Operands};
use crate::value::{Value, decode, literal_string};

/// The place of a call in a test. Comparisons and operators have none.
#[derive(Debug)]
pub(crate) struct CallSite(());

impl CallSite {
    pub(crate) fn of(_: &ExprCall) -> Self {
        Self(())
    }
}

/// A value that the program may see. What is expected is [`Hidden`](crate::Hidden), and cannot be made one.
#[derive(Debug, Clone)]
pub struct Argument(Form);

#[derive(Debug, Clone)]
enum Form {
    Value(Value),
    /// As it stands in the task: JSON with all its digits and in its order.
    Json(Box<RawValue>),
}

impl Argument {
    /// What the test passes in this call.
    pub(crate) fn at(_: &CallSite, value: Value) -> Self {
        Self(Form::Value(value))
    }

    /// The literal that the test hands to this operator, as its text has it.
    pub(crate) fn operand(site: &OperandSite) -> Self {
        Self(Form::Value(site.data().clone()))
    }

    /// The input of a case, as JSON.
    pub fn input(json: Box<RawValue>) -> Self {
        Self(Form::Json(json))
    }

    /// As JSON, where that says all of it.
    pub(crate) fn json(&self) -> Option<String> {
        match &self.0 {
            Form::Value(value) => value.plain().map(|json| json.to_string()),
            Form::Json(json) => Some(json.get().to_owned()),
        }
    }

    /// The numbers and texts in it; see [`crate::ahead`].
    pub(crate) fn leaves(&self, most: usize) -> Vec<String> {
        match &self.0 {
            Form::Value(value) => leaves(value, most),
            // A large input is no answer to another.
            Form::Json(json) if json.get().len() > 20_000 => Vec::new(),
            Form::Json(json) => {
                crate::function::value_of(json).map_or(Vec::new(), |value| leaves(&value, most))
            }
        }
    }

    fn literal(&self) -> String {
        match &self.0 {
            Form::Value(value) => value.literal(),
            Form::Json(json) => format!("json.loads({})", literal_string(json.get())),
        }
    }
}

/// An object of the program's own, which stays there.
pub(crate) type ObjectId = u64;

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Callee {
    Function(String),
    Object(ObjectId),
    Method(ObjectId, Method),
}

/// The name of a method that a test may call with data: no operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Method(String);

impl Method {
    /// Refuses operators, and methods of builtin types where the test did not make the object: there plain data was
    /// due, and the object would decide about what is expected of it. So does `in`.
    fn of(name: &str, made_by_the_test: bool) -> Option<Self> {
        let is_builtin = name == "__contains__" || is_builtin_method(name);
        let allowed =
            (name == "__contains__" || !name.starts_with("__")) && (made_by_the_test || !is_builtin);
        allowed.then(|| Self(name.to_owned()))
    }
}

/// Methods of Python's builtin types and of the collections that stand in for them. Without `total`: a counter comes as
/// a dict, which has none.
pub(crate) const BUILTIN_METHODS: &str = "add append appendleft as_integer_ratio bit_count bit_length capitalize \
    casefold center clear conjugate copy count decode denominator difference difference_update discard elements encode \
    endswith expandtabs extend extendleft find format format_map from_bytes fromhex fromkeys get hex imag index insert \
    intersection intersection_update is_integer isalnum isalpha isascii isdecimal isdigit isdisjoint isidentifier \
    islower isnumeric isprintable isspace issubset issuperset istitle isupper items join keys ljust lower lstrip \
    maketrans maxlen most_common move_to_end numerator partition pop popitem popleft real remove removeprefix \
    removesuffix replace reverse rfind rindex rjust rotate rpartition rsplit rstrip setdefault sort split splitlines \
    start startswith step stop strip subtract swapcase symmetric_difference symmetric_difference_update title to_bytes \
    translate union update upper values zfill";

pub(crate) fn is_builtin_method(name: &str) -> bool {
    BUILTIN_METHODS.split_ascii_whitespace().any(|method| method == name)
}

/// Whether a name is that of a class, or one of the `makers`.
pub(crate) fn makes_object(name: &str, makers: &BTreeSet<String>) -> bool {
    makers.contains(name) || name.trim_start_matches('_').starts_with(char::is_uppercase)
}

/// Operators and builtins that a test may apply to an object of the program, all without data: of the object alone.
/// `state` is none of them and asks for nothing: what an object holds is told whenever it comes up.
const UNARY: [&str; 24] = [
    "abs", "aenter", "aexit", "aiter", "anext", "await", "bool", "complex", "enter", "exit", "float", "hash",
    "index", "int", "invert", "iter", "len", "neg", "next", "pos", "repr", "round", "state", "str",
];

/// Of the object and another object of the program.
const BINARY: [&str; 19] = [
    "add", "and_", "contains", "eq", "floordiv", "ge", "gt", "le", "lshift", "lt", "matmul", "mod", "mul",
    "or_", "pow", "rshift", "sub", "truediv", "xor",
];

/// A class: a name of the program, or an object of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Class {
    Name(String),
    Object(ObjectId),
}

/// What the program is asked, one at a time.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    Call(Callee, Vec<Argument>, Vec<(String, Argument)>),
    /// What a name stands for.
    Global(String),
    Get(ObjectId, String),
    Set(ObjectId, String, Argument),
    /// A subscript of an object that the test made.
    Item(ObjectId, Argument),
    SetItem(ObjectId, Argument, Argument),
    /// An operator with no data: of an object alone, or of two.
    Operator(ObjectId, &'static str, Option<ObjectId>),
    /// An operator of an object with a literal of the test.
    Operate(ObjectId, OperandSite, Argument),
    /// Whether an object is of a class, or a class is a subclass of another.
    OfClass(&'static str, ObjectId, Class),
}

impl Question {
    /// A call of a function of the program.
    pub(crate) fn call(name: &str, args: Vec<Argument>, named: Vec<(String, Argument)>) -> Self {
        Self::Call(Callee::Function(name.to_owned()), args, named)
    }

    /// Reads what `questions.py` noted. Nothing but the questions above can be read. `made` are the objects that the test
    /// made by calling a class by its name, `operands` the operators that it hands data to.
    pub(crate) fn reported(json: &str, made: &BTreeSet<ObjectId>, operands: &Operands) -> Option<Self> {
        let parts: Vec<Json> = serde_json::from_str(json).ok()?;
        let argument = |json: &Json| decode(json).ok().map(|value| Argument(Form::Value(value)));
        let id = Json::as_u64;
        let made = |json: &Json| id(json).filter(|id| made.contains(id));
        let text = |json: &Json| json.as_str().map(ToOwned::to_owned);
        let operation = parts.first()?.as_str()?;
        Some(match (operation, &parts[1..]) {
            ("call", [target, Json::Array(args), Json::Object(named)]) => {
                let callee = match target {
                    Json::String(name) => Callee::Function(name.clone()),
                    Json::Array(pair) => match pair.as_slice() {
                        [object, Json::String(name)] => {
                            Callee::Method(id(object)?, Method::of(name, made(object).is_some())?)
                        }
                        _ => return None,
                    },
                    object => Callee::Object(id(object)?),
                };
                let args = args.iter().map(argument).collect::<Option<_>>()?;
                let named = named
                    .iter()
                    .map(|(name, json)| Some((name.clone(), argument(json)?)))
                    .collect::<Option<_>>()?;
                Self::Call(callee, args, named)
            }
            ("global", [name]) => Self::Global(text(name)?),
            ("get", [object, name]) => Self::Get(id(object)?, text(name)?),
            ("set", [object, name, value]) => Self::Set(id(object)?, text(name)?, argument(value)?),
            ("item", [object, key]) => Self::Item(made(object)?, argument(key)?),
            ("set-item", [object, key, value]) => {
                Self::SetItem(made(object)?, argument(key)?, argument(value)?)
            }
            ("operate", [object, Json::String(place)]) => {
                let site = operands.site(place)?;
                Self::Operate(id(object)?, site.clone(), Argument::operand(site))
            }
            ("operator", [object, Json::String(name), Json::Array(others)]) => {
                let (known, other): (&[&'static str], _) = match others.as_slice() {
                    [] => (&UNARY, None),
                    [other] => (&BINARY, Some(id(other)?)),
                    _ => return None,
                };
                Self::Operator(id(object)?, known.iter().find(|it| *it == name)?, other)
            }
            ("isinstance" | "issubclass", [object, class]) => {
                let class = match class {
                    Json::String(name) => Class::Name(name.clone()),
                    object => Class::Object(id(object)?),
                };
                let operation = if operation == "isinstance" { "isinstance" } else { "issubclass" };
                Self::OfClass(operation, id(object)?, class)
            }
            _ => return None,
        })
    }

    /// Whether this calls a class by its name. Classes are written in capitals, as everywhere in Python; what is called
    /// by another name is a function, and plain data is what it should return, unless it is one of `makers`, of which
    /// the task says otherwise.
    pub(crate) fn makes_object(&self, makers: &BTreeSet<String>) -> bool {
        match self {
            Self::Call(Callee::Function(name), ..) | Self::Global(name) => makes_object(name, makers),
            _ => false,
        }
    }

    /// The function that it calls, if it calls one.
    pub(crate) fn function(&self) -> Option<&str> {
        match self {
            Self::Call(Callee::Function(name), ..) => Some(name),
            _ => None,
        }
    }

    /// The data in it.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Argument> {
        let (args, named): (&[Argument], &[(String, Argument)]) = match self {
            Self::Call(_, args, named) => (args, named),
            Self::Set(_, _, value)
            | Self::Item(_, value)
            | Self::SetItem(_, _, value)
            | Self::Operate(_, _, value) => (std::slice::from_ref(value), &[]),
            Self::Global(_) | Self::Get(..) | Self::Operator(..) | Self::OfClass(..) => (&[], &[]),
        };
        args.iter().chain(named.iter().map(|(_, value)| value))
    }

    /// Whether it only looks at what is there: compares it, or says what it holds.
    pub(crate) fn compares(&self) -> bool {
        matches!(self, Self::Operator(_, "eq" | "lt" | "le" | "gt" | "ge" | "state", _))
    }

    /// The objects of the program in it.
    pub(crate) fn objects(&self) -> BTreeSet<ObjectId> {
        let mut objects: BTreeSet<ObjectId> = match self {
            Self::Call(Callee::Function(_), ..) | Self::Global(_) => BTreeSet::new(),
            Self::Call(Callee::Object(object) | Callee::Method(object, _), ..)
            | Self::Get(object, _)
            | Self::Set(object, ..)
            | Self::Item(object, _)
            | Self::SetItem(object, ..)
            | Self::Operate(object, ..)
            | Self::OfClass(_, object, Class::Name(_)) => [*object].into(),
            Self::Operator(object, _, other) => [*object].into_iter().chain(*other).collect(),
            Self::OfClass(_, object, Class::Object(class)) => [*object, *class].into(),
        };
        for argument in self.arguments() {
            if let Form::Value(value) = &argument.0 {
                value.objects(&mut objects);
            }
        }
        objects
    }

    /// As the drivers take it: JSON where all of it is plain, else an expression.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Call(callee, args, named) => {
                let target = match callee {
                    Callee::Function(name) => json!(name),
                    Callee::Object(object) => json!(object),
                    Callee::Method(object, method) => json!([object, method.0]),
                };
                let plain: Option<Vec<String>> = args.iter().map(Argument::json).collect();
                if let (Some(args), true) = (plain, named.is_empty()) {
                    return format!("[\"call\",{target},[{}],{{}}]", args.join(","));
                }
                let args: String = args.iter().map(|arg| arg.literal() + ",").collect();
                let named: String = named
                    .iter()
                    .map(|(name, arg)| format!("{}:{},", literal_string(name), arg.literal()))
                    .collect();
                format!("('call',{target},[{args}],{{{named}}})")
            }
            Self::Global(name) => json!(["global", name]).to_string(),
            Self::Get(object, name) => json!(["get", object, name]).to_string(),
            Self::Set(object, name, value) => {
                format!("('set',{object},{},{})", literal_string(name), value.literal())
            }
            Self::Item(object, key) => format!("('item',{object},{})", key.literal()),
            Self::SetItem(object, key, value) => {
                format!("('set-item',{object},{},{})", key.literal(), value.literal())
            }
            Self::Operate(object, site, data) => {
                let reflected = if site.is_in_front() { "True" } else { "False" };
                format!("('operate',{object},'{}',{},{reflected})", site.name(), data.literal())
            }
            Self::Operator(object, name, other) => {
                let others: Vec<ObjectId> = other.iter().copied().collect();
                json!(["operator", object, name, others]).to_string()
            }
            Self::OfClass(operation, object, Class::Name(name)) => {
                json!([operation, object, name]).to_string()
            }
            Self::OfClass(operation, object, Class::Object(class)) => {
                json!([operation, object, class]).to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(json: &str) -> Option<String> {
        let operands = Operands::only("1:7-1:12", "mul", Value::int(2));
        Question::reported(json, &BTreeSet::from([1]), &operands).map(|question| question.text())
    }

    #[test]
    fn questions_are_read_and_told() {
        for (json, told) in [
            (r#"["call","f",[1,"a"],{}]"#, r#"["call","f",[1,"a"],{}]"#),
            (r#"["call","f",[{"tuple":[1]}],{"k":true}]"#, "('call',\"f\",[(0x1,),],{'k':True,})"),
            (r#"["call",[0,"area"],[],{}]"#, r#"["call",[0,"area"],[],{}]"#),
            (r#"["call",[1,"append"],[2],{}]"#, r#"["call",[1,"append"],[2],{}]"#),
            (r#"["call",[1,"__contains__"],[2],{}]"#, r#"["call",[1,"__contains__"],[2],{}]"#),
            (r#"["set",0,"next",{"object":[2,"Node"]}]"#, "('set',0,'next',OBJECT(2))"),
            (r#"["item",1,{"slice":[null,2,null]}]"#, "('item',1,slice(None,0x2,None))"),
            (r#"["operator",0,"sub",[1]]"#, r#"["operator",0,"sub",[1]]"#),
            (r#"["operator",0,"len",[]]"#, r#"["operator",0,"len",[]]"#),
            (r#"["operate",0,"1:7-1:12"]"#, "('operate',0,'mul',0x2,False)"),
            (r#"["isinstance",0,"Node"]"#, r#"["isinstance",0,"Node"]"#),
        ] {
            assert_eq!(reported(json).as_deref(), Some(told), "{json}");
        }
    }

    #[test]
    fn what_would_hand_data_to_an_operator_cannot_be_said() {
        for json in [
            r#"["operator",0,"sub",[{"float":"2.0"}]]"#,
            r#"["operator",0,"sub",["2.0"]]"#,
            r#"["operator",0,"__sub__",[1]]"#,
            r#"["operator",0,"sub",[1,2]]"#,
            r#"["operator",0,"eval",[]]"#,
            r#"["operate",0,"1:7-1:13"]"#,
            r#"["operate",0,"1:7-1:12",3]"#,
            r#"["operate",0,"mul",2,false]"#,
            r#"["call",[0,"__sub__"],[2],{}]"#,
            r#"["call",[1,"__sub__"],[2],{}]"#,
            r#"["call",[0,"__contains__"],[2],{}]"#,
            r#"["call",[0,"startswith"],["a"],{}]"#,
            r#"["call",[0,"isupper"],[],{}]"#,
            r#"["item",0,1]"#,
            r#"["set-item",0,1,2]"#,
            r#"["exec","f"]"#,
            r#"["call","f"]"#,
            "[]",
            "{}",
        ] {
            assert_eq!(reported(json), None, "{json}");
        }
    }
}
