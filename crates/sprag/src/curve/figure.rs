//! A picture as a list of shapes, in drawing order, in points from the upper left corner: what the SVG and the
//! PNG have in common.

use sprag_judge::Status;

use super::font::Weight;

/// A picture.
pub(super) struct Figure {
    pub(super) width: f32,
    pub(super) height: f32,
    /// What it shows, for whoever cannot see it.
    pub(super) title: String,
    /// More of the same.
    pub(super) description: String,
    pub(super) shapes: Vec<Shape>,
}

/// One thing that is drawn.
pub(super) enum Shape {
    /// A filled box: left, top, width, height.
    Box { at: [f32; 4], ink: Ink },
    /// A line through points, with round corners.
    Line { points: Vec<[f32; 2]>, ink: Ink, width: f32 },
    /// The marks of one status.
    Marks { status: Status, marks: Vec<Mark> },
    /// A line of text with a light halo, so that it can be read over lines.
    Text(Text),
}

/// One run's mark.
pub(super) struct Mark {
    /// Its middle.
    pub(super) at: [f32; 2],
    /// What it says when it is pointed at; empty for a mark of the legend.
    pub(super) tip: String,
}

/// A line of text.
pub(super) struct Text {
    /// The anchor on the baseline.
    pub(super) at: [f32; 2],
    pub(super) anchor: Anchor,
    pub(super) size: f32,
    pub(super) weight: Weight,
    pub(super) ink: Ink,
    pub(super) words: String,
}

/// Which end of a text its place means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// An opaque colour: red, green, blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ink(pub(super) [u8; 3]);

impl Ink {
    pub(super) const PAPER: Ink = Ink([0xff, 0xff, 0xff]);
    pub(super) const TEXT: Ink = Ink([0x1f, 0x29, 0x33]);
    pub(super) const QUIET: Ink = Ink([0x5b, 0x66, 0x73]);
    pub(super) const GRID: Ink = Ink([0xe6, 0xe9, 0xed]);
    pub(super) const LANE: Ink = Ink([0xf5, 0xf6, 0xf8]);
    /// Blue, vermilion and purple after Okabe and Ito, "Color Universal Design" (2008), darkened for thin
    /// strokes; with grey they differ for every kind of colour vision, and the shapes differ without any.
    pub(super) const KEEP: Ink = Ink([0x00, 0x72, 0xb2]);
    const DISCARD: Ink = Ink([0x7b, 0x87, 0x94]);
    const CHECKS_FAILED: Ink = Ink([0xd5, 0x5e, 0x00]);
    const CRASH: Ink = Ink([0x8c, 0x2d, 0x73]);

    /// The colour of a status.
    pub(super) fn of(status: Status) -> Self {
        match status {
            Status::Keep => Self::KEEP,
            Status::Discard => Self::DISCARD,
            Status::ChecksFailed => Self::CHECKS_FAILED,
            Status::Crash => Self::CRASH,
        }
    }

    /// As `#rrggbb`.
    pub(super) fn hex(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

/// The outline of a status' mark around its middle, and how it is inked. Each can be told from the others
/// without colour: a disc, a ring, a triangle, a cross.
pub(super) enum Sign {
    /// A circle of this radius; filled, or the stroke of a ring.
    Disc { radius: f32, filled: bool },
    /// Closed and filled.
    Filled(&'static [[f32; 2]]),
    /// Open strokes.
    Strokes(&'static [[[f32; 2]; 2]]),
}

/// The stroke of rings and crosses.
pub(super) const STROKE: f32 = 1.6;

/// The sign of a status.
pub(super) fn sign(status: Status) -> Sign {
    match status {
        Status::Keep => Sign::Disc { radius: 4.5, filled: true },
        Status::Discard => Sign::Disc { radius: 3.4, filled: false },
        Status::ChecksFailed => Sign::Filled(&[[0.0, -5.2], [4.9, 3.6], [-4.9, 3.6]]),
        Status::Crash => Sign::Strokes(&[[[-3.7, -3.7], [3.7, 3.7]], [[-3.7, 3.7], [3.7, -3.7]]]),
    }
}
