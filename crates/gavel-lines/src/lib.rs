//! Rows as people have them: JSON Lines, a list in JSON, a table or Parquet, a file or a pipe, as it is or compressed, read
//! line by line in bounded memory; and what a file is that is none of these. [`Packed`] writes
//! lines compressed, or as Parquet.
//!
//! Submissions (`gavel score`) and tasks (`gavel train`) are read by this, so that whatever one takes the other takes too.

mod files;
mod input;
mod lines;
mod look;
mod packed;
mod parquet_file;
mod parquet_rows;
mod rows;

pub use files::{FilesError, ROW_FILES, expand, is_row_file};
pub use input::Input;
pub use lines::{BadLine, LONGEST_LINE, Line, Lines};
pub use look::look;
pub use packed::{Form, Packed};
