//! The spec as a text: headings, bullets and their words, each with its place.

mod heading;
mod scan;
mod text;

pub(crate) use heading::{Kind, misspelt};
pub(crate) use scan::{Block, BlockKind, Document, Section, scan};
pub(crate) use text::Text;
