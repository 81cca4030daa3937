//! Models and data sets of the Hugging Face hub: what is named `hf://…` becomes files in the hub's own cache, of one
//! commit, fetched once.
//!
//! [`HubName`] reads and writes such names, [`Hub`] fetches what they name by way of `hf-hub`. Nothing here reads the
//! environment: whoever makes a [`HubOptions`] has done so.

mod error;
mod hub;
mod model;
mod name;
mod rows;

pub use error::HubError;
pub use hub::{FetchedFiles, FetchedModel, Hub, HubOptions};
pub use name::{HubName, Kind, NameError, SCHEME};
