//! The curve of diminishing returns: every try of a session as a mark, the incumbent as a step line.
//!
//! Three faces of one picture: [`svg()`] for pages, [`png()`] for whoever cannot show SVG, [`text()`] for a terminal.
//! The story is read once (`story`); the SVG and the PNG are the same list of shapes
//! (`chart`). Names and units come from files that others wrote: they are cut and cleaned before
//! anything is drawn, and escaped where they are written.
//!
//! Why no plotting crate: two writers of six shapes are less than the settings of one, a terminal needs a third
//! anyway, and tiny-skia with ttf-parser builds in a few seconds without C or a font of the system.

mod axis;
mod chart;
mod figure;
mod font;
mod png;
mod story;
mod svg;
mod text;

use sprag_judge::{Direction, Status};

pub(crate) use png::png;
pub(crate) use svg::svg;
pub(crate) use text::{Glyphs, text};

/// One numbered run of the ledger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// The run's number; gaps are left as gaps.
    pub(crate) run: u32,
    /// The primary metric, in the curve's unit. `None`: unknown, as for a crash.
    pub(crate) value: Option<f64>,
    /// What became of the try. The baseline counts as kept.
    pub(crate) status: Status,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curve {
    /// The primary metric's name.
    pub(crate) metric: String,
    /// Its unit, or an empty string.
    pub(crate) unit: String,
    /// Which way is better.
    pub(crate) direction: Direction,
    /// The runs, in any order.
    pub(crate) points: Vec<Point>,
}

#[cfg(test)]
mod tests;
