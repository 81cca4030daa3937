//! What the demo needs besides GRPO: the problems of [`countdown`] in miniature, and a base model that [`pretrain`](fn@pretrain::pretrain)
//! makes of text about them.

pub mod countdown;
pub mod pretrain;
