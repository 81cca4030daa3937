//! Runs untrusted programs, for verifiers that judge code. Needs the feature `interpreter`.
//!
//! Each run happens in a store of its own, fresh for every program, so a program that loops, breaks or cheats does it
//! to itself alone. What decides must stay outside: hand a program its input, take what it wrote, and compare here.
//!
//! ```
//! use gavel_plugin::interpreter::{self, Ending, Outcome, Program};
//! use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier, judge};
//!
//! /// The completion is a Python program that prints the reference.
//! struct Prints;
//!
//! impl Verifier for Prints {
//!     type Options = NoOptions;
//!     const NAME: &str = "prints";
//!     const VERSION: &str = "0.1.0";
//!     const SUMMARY: &str = "The completion is a program that prints the reference.";
//!
//!     fn verify(submission: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
//!         let outcome = interpreter::run(&Program::new("python", submission.completion()));
//!         if let Ending::Unavailable(reason) = outcome.ending {
//!             return Err(Error::Internal(reason));
//!         }
//!         let right = outcome.ending == Ending::Exited(0) && outcome.stdout == submission.reference()?.as_bytes();
//!         Ok(Verdict::right_if(right))
//!     }
//! }
//!
//! // In a test there is no interpreter, so the test says what runs the programs.
//! let pretend = |program: &Program| Outcome {
//!     ending: Ending::Exited(0),
//!     stdout: if program.source == "print(6 * 7)" { b"42\n".to_vec() } else { Vec::new() },
//!     stderr: Vec::new(),
//! };
//! let submission = Submission::new("print(6 * 7)").with_reference("42\n");
//! let verdict = interpreter::with(pretend, || judge::<Prints>(&submission, "{}")).unwrap();
//! assert_eq!(verdict.reward, 1.0);
//! ```
//!
//! The plugin's manifest asks for the interpreters by name (`[capabilities]`), and the operator grants them in the
//! reward file; without that, every run ends [`Ending::Unavailable`].

/// A program and what it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The interpreter to run it with, such as `python`.
    pub language: String,
    /// Source text.
    pub source: String,
    /// What the program reads on its standard input.
    pub stdin: Vec<u8>,
    /// Instructions it may spend; the host may allow less.
    pub fuel: u64,
    /// Bytes of memory it may hold; the host may allow less.
    pub memory: u64,
}

impl Program {
    /// A program with nothing on its standard input, and as much fuel and memory as the host allows.
    pub fn new(language: impl Into<String>, source: impl Into<String>) -> Self {
        let (language, source) = (language.into(), source.into());
        Self { language, source, stdin: Vec::new(), fuel: u64::MAX, memory: u64::MAX }
    }
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It ran to its end (0), or asked to exit with this code.
    Exited(u8),
    /// It raised an error that nobody caught; the text is in [`Outcome::stderr`].
    Raised,
    /// It ran out of fuel.
    OutOfFuel,
    /// It ran past its deadline.
    Deadline,
    /// It asked for more memory than it may hold.
    OutOfMemory,
    /// It wrote more than it may.
    OutputTooLarge,
    /// It trapped; this says how.
    Trapped(String),
    /// Nothing ran: the host has no such interpreter, has not been granted it, or has run too many programs for this
    /// submission. The text says which.
    Unavailable(String),
}

/// What a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// What it wrote to its standard output, up to the limit.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error, up to the limit.
    pub stderr: Vec<u8>,
}

/// Runs one program to its end. Never blocks for longer than the program's limits.
///
/// In a plugin the host runs it. Natively there is no host: whatever the test gave to [`with`] runs it, and without
/// that it is [`Ending::Unavailable`].
pub fn run(program: &Program) -> Outcome {
    place::run(program)
}

#[cfg(target_family = "wasm")]
mod place {
    use super::{Ending, Outcome, Program};
    use crate::export::bindings::gavel::verifier::interpreter as wire;

    pub(super) fn run(program: &Program) -> Outcome {
        let outcome = wire::run(&wire::Program {
            language: program.language.clone(),
            source: program.source.clone(),
            stdin: program.stdin.clone(),
            fuel: program.fuel,
            memory: program.memory,
        });
        Outcome { ending: outcome.ending.into(), stdout: outcome.stdout, stderr: outcome.stderr }
    }

    impl From<wire::Ending> for Ending {
        fn from(ending: wire::Ending) -> Self {
            match ending {
                wire::Ending::Exited(code) => Self::Exited(code),
                wire::Ending::Raised => Self::Raised,
                wire::Ending::OutOfFuel => Self::OutOfFuel,
                wire::Ending::Deadline => Self::Deadline,
                wire::Ending::OutOfMemory => Self::OutOfMemory,
                wire::Ending::OutputTooLarge => Self::OutputTooLarge,
                wire::Ending::Trapped(how) => Self::Trapped(how),
                wire::Ending::Unavailable(why) => Self::Unavailable(why),
            }
        }
    }
}

#[cfg(not(target_family = "wasm"))]
pub use place::with;

#[cfg(not(target_family = "wasm"))]
mod place {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::{Ending, Outcome, Program};

    type Interpreter = Rc<dyn Fn(&Program) -> Outcome>;

    thread_local! {
        static STAND_IN: RefCell<Option<Interpreter>> = const { RefCell::new(None) };
    }

    /// Has `interpreter` run the programs of this thread while `test` runs. Natively only.
    ///
    /// See the [module's example](crate::interpreter).
    pub fn with<T>(interpreter: impl Fn(&Program) -> Outcome + 'static, test: impl FnOnce() -> T) -> T {
        let _restored = Restore(STAND_IN.replace(Some(Rc::new(interpreter))));
        test()
    }

    /// Puts the interpreter back that was there before, also when the test panics.
    struct Restore(Option<Interpreter>);

    impl Drop for Restore {
        fn drop(&mut self) {
            STAND_IN.set(self.0.take());
        }
    }

    pub(super) fn run(program: &Program) -> Outcome {
        let stand_in = STAND_IN.with_borrow(Clone::clone);
        let unavailable = || Outcome {
            ending: Ending::Unavailable(
                "natively a test gives the interpreter: interpreter::with".to_owned(),
            ),
            stdout: Vec::new(),
            stderr: Vec::new(),
        };
        stand_in.map_or_else(unavailable, |stand_in| stand_in(program))
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;

    fn echo(program: &Program) -> Outcome {
        Outcome { ending: Ending::Exited(0), stdout: program.stdin.clone(), stderr: Vec::new() }
    }

    #[test]
    fn a_stand_in_runs_programs_only_while_its_test_runs() {
        let mut program = Program::new("python", "");
        program.stdin = b"hello".to_vec();
        assert_eq!(with(echo, || run(&program)).stdout, b"hello");
        assert!(matches!(run(&program).ending, Ending::Unavailable(_)));
    }

    #[test]
    fn a_panicking_test_leaves_no_stand_in_behind() {
        let panicked = std::panic::catch_unwind(|| with(echo, || panic!("as planned")));
        assert!(panicked.is_err());
        assert!(matches!(run(&Program::new("python", "")).ending, Ending::Unavailable(_)));
    }
}
