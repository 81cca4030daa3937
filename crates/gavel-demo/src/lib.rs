//! What the demos need besides GRPO: the problems of [`countdown`] in miniature and of the [`mixture`] of families, and a
//! base model that [`pretrain`](fn@pretrain::pretrain) makes of text about them.

pub mod countdown;
pub mod mixture;
pub mod pretrain;
