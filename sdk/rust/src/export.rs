//! Makes a verifier a plugin: the macro, and the layer between it and the contract's generated bindings.

/// Makes a type that implements [`Verifier`](crate::Verifier) the plugin of this crate. Once per crate.
///
/// ```
/// use gavel_plugin::{Error, NoOptions, Submission, Verdict, Verifier, export};
///
/// struct Shouting;
///
/// impl Verifier for Shouting {
///     type Options = NoOptions;
///     const NAME: &str = "shouting";
///     const VERSION: &str = "0.1.0";
///     const SUMMARY: &str = "The completion is all capitals.";
///
///     fn verify(submission: &Submission, _: &NoOptions) -> Result<Verdict, Error> {
///         Ok(Verdict::right_if(!submission.completion().chars().any(char::is_lowercase)))
///     }
/// }
///
/// export!(Shouting);
/// # fn main() {}
/// ```
///
/// Natively it only checks that the type is a verifier, so that the same crate can be unit-tested.
#[macro_export]
macro_rules! export {
    ($verifier:ty) => {
        const _: () = {
            #[cfg(target_family = "wasm")]
            type Plugin = $crate::Exported<$verifier>;
            #[cfg(target_family = "wasm")]
    $crate::bindings::export!(Plugin with_types_in $crate::bindings);

            #[cfg(not(target_family = "wasm"))]
            const fn is_a_verifier<V: $crate::Verifier>() {}
            #[cfg(not(target_family = "wasm"))]
            is_a_verifier::<$verifier>();
        };
    };
}

/// Makes a type that implements [`GroupVerifier`](crate::GroupVerifier) the plugin of this crate. Once per crate, in
/// the place of [`export!`](crate::export!).
///
/// Natively it only checks that the type is a verifier of groups, so that the same crate can be unit-tested.
#[macro_export]
macro_rules! export_group {
    ($verifier:ty) => {
        const _: () = {
            #[cfg(target_family = "wasm")]
            type Plugin = $crate::Exported<$verifier>;
            #[cfg(target_family = "wasm")]
    $crate::group_bindings::export!(Plugin with_types_in $crate::group_bindings);

            #[cfg(not(target_family = "wasm"))]
            const fn is_a_verifier_of_groups<V: $crate::GroupVerifier>() {}
            #[cfg(not(target_family = "wasm"))]
            is_a_verifier_of_groups::<$verifier>();
        };
    };
}

#[cfg(target_family = "wasm")]
pub use wasm::{Exported, bindings, group_bindings};

#[cfg(target_family = "wasm")]
mod wasm {
    use std::marker::PhantomData;

    use self::bindings::exports::gavel::verifier::verifier::Guest;
    use self::bindings::gavel::verifier::types;
    use self::group_bindings::exports::gavel::verifier::group_verifier::Guest as GroupGuest;
    use crate::{
        Error, GroupVerifier, Submission, Verdict, Verifier, group_options_schema, judge, judge_group,
        options_schema,
    };

    /// What `wit-bindgen` makes of `sdk/wit`. Not for plugin authors: it changes with the contract.
    #[expect(missing_docs, reason = "generated from sdk/wit, where the words are")]
    pub mod bindings {
        #[cfg(not(feature = "interpreter"))]
        wit_bindgen::generate!({ path: "../wit", world: "plugin", pub_export_macro: true });
        #[cfg(feature = "interpreter")]
        wit_bindgen::generate!({ path: "../wit", world: "code-plugin", pub_export_macro: true });
    }

    /// As [`bindings`], of plugins that judge groups. What a plugin exports is decided by the macro that it calls, so both
    /// may be there.
    #[expect(missing_docs, reason = "generated from sdk/wit, where the words are")]
    pub mod group_bindings {
        wit_bindgen::generate!({
            path: "../wit",
            world: "group-plugin",
            pub_export_macro: true,
            with: { "gavel:verifier/types@0.1.0": super::bindings::gavel::verifier::types },
        });
    }

    /// A verifier in the shape of the contract.
    #[derive(Debug)]
    pub struct Exported<V>(PhantomData<V>);

    impl<V: Verifier> Guest for Exported<V> {
        fn describe() -> types::Description {
            types::Description {
                name: V::NAME.to_owned(),
                version: V::VERSION.to_owned(),
                summary: V::SUMMARY.to_owned(),
                options: options_schema::<V>(),
                metrics: V::METRICS.iter().map(|&metric| metric.to_owned()).collect(),
            }
        }

        fn verify(
            submission: types::Submission,
            options: String,
        ) -> Result<types::Verdict, types::ErrorCode> {
            judge::<V>(&submission.into(), &options).map(Into::into).map_err(Into::into)
        }
    }

    impl<V: GroupVerifier> GroupGuest for Exported<V> {
        fn describe() -> types::Description {
            types::Description {
                name: V::NAME.to_owned(),
                version: V::VERSION.to_owned(),
                summary: V::SUMMARY.to_owned(),
                options: group_options_schema::<V>(),
                metrics: V::METRICS.iter().map(|&metric| metric.to_owned()).collect(),
            }
        }

        fn verify_group(
            submissions: Vec<types::Submission>,
            options: String,
        ) -> Vec<Result<types::Verdict, types::ErrorCode>> {
            let submissions: Vec<Submission> = submissions.into_iter().map(Into::into).collect();
            let judged = judge_group::<V>(&submissions, &options);
            judged.into_iter().map(|judged| judged.map(Into::into).map_err(Into::into)).collect()
        }
    }

    impl From<types::Submission> for Submission {
        fn from(wire: types::Submission) -> Self {
            let submission = Self::new(wire.completion).with_prompt(wire.prompt).with_metadata(wire.metadata);
            match wire.reference {
                Some(reference) => submission.with_reference(reference),
                None => submission,
            }
        }
    }

    impl From<Verdict> for types::Verdict {
        fn from(verdict: Verdict) -> Self {
            Self { reward: verdict.reward, reason: verdict.reason, metrics: verdict.metrics }
        }
    }

    impl From<Error> for types::ErrorCode {
        fn from(error: Error) -> Self {
            match error {
                Error::InvalidOptions(reason) => Self::InvalidOptions(reason),
                Error::InvalidTask(reason) => Self::InvalidTask(reason),
                Error::Abstain(reason) => Self::Abstain(reason),
                Error::Internal(reason) => Self::InternalError(reason),
            }
        }
    }
}
