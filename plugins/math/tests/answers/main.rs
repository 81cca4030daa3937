//! Answers of the field: the cases of other graders, their known errors, pairs made by transforms, hostile input.

mod data;
mod hostile;
mod math_verify;
mod near_misses;
mod pairs;
mod peers;
mod spellings;
