//! The layers of a decoder over packed tokens, each with a backward pass that keeps as little as it can.
//!
//! Rows are tokens, `(N, width)` everywhere: what a layer needs to know of sequences stands in its
//! [`Visibility`](crate::packed::Visibility).

mod attention;
mod balance;
mod embedding;
mod experts;
mod feed_forward;
mod head_norm;
mod latent;
mod norm;

pub(crate) use attention::{Heads, attention};
pub(crate) use balance::BalanceLoss;
pub(crate) use embedding::{embedding, rows};
pub(crate) use experts::{Routing, experts, plain_experts};
pub(crate) use feed_forward::feed_forward;
pub(crate) use head_norm::head_norm;
pub(crate) use latent::{LATENT_EPSILON, LatentHeads, LatentParameters, latent_attention};
pub(crate) use norm::add_rms_norm;
