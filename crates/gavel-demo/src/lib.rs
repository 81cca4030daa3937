//! What the demos need besides GRPO: the problems of [`countdown`] in miniature and of the [`mixture`] of families, and a
//! base model, of one of several [`shapes`](shape), that [`pretrain`](mod@pretrain) makes of text about them.

pub mod countdown;
pub mod mixture;
pub mod pretrain;
pub mod shape;
