//! The answers of components, taken over once: what is too large is left where it lies.
//!
//! The records here mirror `sdk/wit/types.wit`; wasmtime compares them with the plugin's own types whenever a function is
//! looked up.

use std::cell::Cell;

use gavel_verify::{Description, Failure, Submission, Verdict};
use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentType, Lift, Lower};

use crate::Limits;
use crate::verifier::Stop;

/// What `verify` answers.
pub(crate) type Answer = Result<WireVerdict, WireError>;

/// What `verify-group` is called with: the submissions of a group, and the options as JSON.
pub(crate) type VerifyGroupParams<'a> = (&'a [WireSubmission<'a>], &'a str);

/// What `verify` is called with: a submission, and the options as JSON.
pub(crate) type VerifyParams<'a> = (WireSubmission<'a>, &'a str);

#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct WireSubmission<'a> {
    prompt: &'a str,
    completion: &'a str,
    reference: Option<&'a str>,
    metadata: &'a str,
}

impl<'a> WireSubmission<'a> {
    pub(crate) fn of(submission: &'a Submission) -> Self {
        let metadata = submission.metadata.as_str();
        Self {
            prompt: &submission.prompt,
            completion: &submission.completion,
            reference: submission.reference.as_deref(),
            metadata: if metadata.is_empty() { "{}" } else { metadata },
        }
    }
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct WireVerdict {
    reward: f64,
    reason: Option<Text>,
    metrics: Metrics,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum WireError {
    #[component(name = "invalid-options")]
    InvalidOptions(Text),
    #[component(name = "invalid-task")]
    InvalidTask(Text),
    #[component(name = "abstain")]
    Abstain(Text),
    #[component(name = "internal-error")]
    InternalError(Text),
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct WireDescription {
    name: String,
    version: String,
    summary: String,
    options: String,
    metrics: Vec<String>,
}

impl From<WireDescription> for Description {
    fn from(wire: WireDescription) -> Self {
        let WireDescription { name, version, summary, options, metrics } = wire;
        Self { name, version, summary, options, metrics }
    }
}

/// The answers to a group, or how many they are where these are more than there were submissions.
pub(crate) struct Answers(Result<Vec<Answer>, usize>);

thread_local! {
    /// How many answers a group may have, whose answers this thread is about to take over.
    static MOST_ANSWERS: Cell<usize> = const { Cell::new(0) };

    /// Bytes that the answer may have which this thread is about to take over. A type that is lifted is told nothing but
    /// where it lies.
    static MOST: Cell<usize> = const { Cell::new(0) };
}

/// Says how large the next answer on this thread may be, and how many there may be of a group.
pub(crate) fn expect_at_most(limits: &Limits, answers: usize) {
    MOST.set(limits.output);
    MOST_ANSWERS.set(answers);
}

/// Turns a well-formed answer into a verdict, unless it is larger than allowed.
pub(crate) fn accept(answer: Answer, limits: &Limits) -> Result<Verdict, Stop> {
    let too_large = || Stop::Failed(Failure::OutputTooLarge { limit: limits.output as u64 });
    match answer {
        Ok(WireVerdict { reward, reason, metrics }) => {
            let reason = reason.map(|reason| reason.0.ok_or_else(too_large)).transpose()?;
            let metrics = metrics.0.ok_or_else(too_large)?;
            let size = size_of_metrics(metrics.iter().map(|(name, _)| name.len()));
            if size.saturating_add(reason.as_ref().map_or(0, String::len)) > limits.output {
                return Err(too_large());
            }
            Ok(Verdict { reward, reason, metrics })
        }
        Err(error) => {
            let (stop, text): (fn(String) -> Stop, _) = match error {
                WireError::InvalidOptions(text) => (Stop::InvalidOptions, text),
                WireError::InvalidTask(text) => (|text| Stop::Failed(Failure::InvalidTask(text)), text),
                WireError::Abstain(text) => (|text| Stop::Failed(Failure::Abstained(text)), text),
                WireError::InternalError(text) => (|text| Stop::Failed(Failure::InternalError(text)), text),
            };
            let text = text.0.filter(|text| text.len() <= limits.output).ok_or_else(too_large)?;
            Err(stop(text))
        }
    }
}

/// Turns the answers to a group into as many verdicts.
pub(crate) fn accept_all(
    answers: Answers,
    count: usize,
    limits: &Limits,
) -> Result<Vec<Result<Verdict, Stop>>, Stop> {
    let refused = |said: usize| Stop::Failed(Failure::Refused(wrong_count(said, count)));
    let answers = answers.0.map_err(refused)?;
    if answers.len() != count {
        return Err(refused(answers.len()));
    }
    Ok(answers.into_iter().map(|answer| accept(answer, limits)).collect())
}

/// Why so many verdicts are none.
pub(crate) fn wrong_count(said: usize, count: usize) -> String {
    format!("it gives {said} verdicts for a group of {count}: each completion gets one, in their order")
}

/// What metrics count for, by the lengths of their names: the names, and a number for each.
fn size_of_metrics(names: impl Iterator<Item = usize>) -> usize {
    names.fold(0, |size: usize, name| size.saturating_add(name).saturating_add(size_of::<f64>()))
}

/// A text of an answer, or `None` where it is longer than the answer may be.
pub(crate) struct Text(Option<String>);

/// The metrics of an answer, or `None` where they are more than the answer may be.
pub(crate) struct Metrics(Option<Vec<(String, f64)>>);

/// The length of a text of which nothing is read.
struct Length(usize);

/// A metric whose name is not read.
type Measured = (Length, f64);

/// A pointer pair as it lies in memory.
#[repr(align(4))]
struct Pair([u8; 8]);

/// Units of a text (bytes, or two bytes each), or items of a list, from the second half of its pointer pair.
fn length(pair: &[u8]) -> usize {
    /// Says of a text that its units are two bytes each, where that differs from text to text.
    const WIDE: u32 = 1 << 31;
    let word = pair.last_chunk().map_or(0, |word| u32::from_le_bytes(*word));
    (word & !WIDE) as usize
}

/// Types that lie in a guest's memory as another does, and are read by a function of their own.
macro_rules! lifted_as {
    ($($type:ty as $wire:ty: $lift:ident;)*) => {$(
        // SAFETY: everything is that of the type it is read as, which the engine's own code implements.
        #[expect(unsafe_code, reason = "the engine's trait is unsafe, and only it can look before it copies")]
        unsafe impl ComponentType for $type {
            type Lower = <$wire as ComponentType>::Lower;
            const ABI: CanonicalAbiInfo = <$wire as ComponentType>::ABI;

            fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
                <$wire as ComponentType>::typecheck(ty, types)
            }
        }

        // SAFETY: what is lifted is lifted by the engine's own code for the same bytes, or not at all.
        #[expect(unsafe_code, reason = "the engine's trait is unsafe, and only it can look before it copies")]
        unsafe impl Lift for $type {
            fn linear_lift_from_flat(
                cx: &mut LiftContext<'_>,
                ty: InterfaceType,
                source: &Self::Lower,
            ) -> wasmtime::Result<Self> {
                let [address, units] = source.map(|word| word.get_u32().to_le_bytes());
                let mut pair = Pair([0; 8]);
                pair.0[..4].copy_from_slice(&address);
                pair.0[4..].copy_from_slice(&units);
                Self::$lift(cx, ty, &pair.0)
            }

            fn linear_lift_from_memory(
                cx: &mut LiftContext<'_>,
                ty: InterfaceType,
                bytes: &[u8],
            ) -> wasmtime::Result<Self> {
                Self::$lift(cx, ty, bytes)
            }
        }
    )*};
}

lifted_as! {
    Text as String: read;
    Metrics as Vec<(String, f64)>: read;
    Length as String: read;
    Answers as Vec<Answer>: read;
}

impl Answers {
    fn read(cx: &mut LiftContext<'_>, ty: InterfaceType, pair: &[u8]) -> wasmtime::Result<Self> {
        let count = length(pair);
        if count > MOST_ANSWERS.get() {
            return Ok(Self(Err(count)));
        }
        Vec::linear_lift_from_memory(cx, ty, pair).map(|answers| Self(Ok(answers)))
    }
}

impl Text {
    fn read(cx: &mut LiftContext<'_>, ty: InterfaceType, pair: &[u8]) -> wasmtime::Result<Self> {
        if length(pair) > MOST.get() {
            return Ok(Self(None));
        }
        String::linear_lift_from_memory(cx, ty, pair).map(|text| Self(Some(text)))
    }
}

impl Metrics {
    fn read(cx: &mut LiftContext<'_>, ty: InterfaceType, pair: &[u8]) -> wasmtime::Result<Self> {
        if length(pair).saturating_mul(size_of::<f64>()) > MOST.get() {
            return Ok(Self(None));
        }
        // A thousand names may lie at the same place, so their lengths are added up before any is copied.
        let measured = Vec::<Measured>::linear_lift_from_memory(cx, ty, pair)?;
        if size_of_metrics(measured.iter().map(|(name, _)| name.0)) > MOST.get() {
            return Ok(Self(None));
        }
        Vec::linear_lift_from_memory(cx, ty, pair).map(|metrics| Self(Some(metrics)))
    }
}

impl Length {
    fn read(_: &mut LiftContext<'_>, _: InterfaceType, pair: &[u8]) -> wasmtime::Result<Self> {
        Ok(Self(length(pair)))
    }
}
