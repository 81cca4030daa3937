//! JSON Lines as people have them: a file or a pipe, as it is or compressed, read line by line in bounded memory; and
//! what a file is that was taken for JSON Lines.
//!
//! Submissions (`gavel score`) and tasks (`gavel train`) are read by this, so that whatever one takes the other takes too.

mod input;
mod lines;
mod look;

pub use input::Input;
pub use lines::{BadLine, LONGEST_LINE, Line, Lines};
pub use look::look;
