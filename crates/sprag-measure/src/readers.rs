//! Finds numbers in what a benchmark printed or wrote.

mod file;
mod lines;

pub(crate) use file::{clear, read_file};
pub(crate) use lines::read_lines;
