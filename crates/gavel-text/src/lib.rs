//! How completions are read, for all verifiers of text: turns, braces, words, what cannot be seen, what is taken back.
//!
//! Each of these is read in one way by every plugin, so that a completion is not an answer to one and none to another.
//! Plugins say where an answer may stand, and ask what the text around it makes of it.

mod answer;
mod braces;
mod confession;
mod correction;
mod disowned;
mod jokes;
mod labels;
mod languages;
mod lead;
mod markup;
mod normalize;
mod page;
mod pretence;
mod scan;
mod seen;
mod shown;
mod surrogates;
mod tail;
mod turns;
mod verdict;
mod visible;
mod window;
mod withdrawn;
mod words;

pub use answer::{Place, answer};
pub use braces::braced;
pub use confession::finds_nothing;
pub use correction::{correction, renamed};
pub use disowned::{is_case_split, is_counterfactual, is_disowned, is_negated, sentence_before};
pub use jokes::calls_it_a_joke;
pub use labels::is_crossed;
pub use lead::is_led_astray;
pub use markup::{is_in_attribute, without_entities, without_tags};
pub use normalize::{normalized, squad};
pub use page::page;
pub use scan::{end_of_last, find_short, first_of, has_short, rfind_short};
pub use seen::is_seen;
pub use shown::{is_hidden, shown};
pub use surrogates::without_lone_surrogates;
pub use turns::{after_thinking, has_tags, said, tasks, turns};
pub use visible::{
    bare_skeleton, has_markup, is_blank, is_contentless, is_filler, is_invisible, joins, skeleton,
    unaccented, visible,
};
pub use window::{end_of, start_of};
pub use withdrawn::{is_block_disowned, is_block_withdrawn, is_denied_behind, is_withdrawn};
pub use words::{is_unspaced, unspelled, words};
