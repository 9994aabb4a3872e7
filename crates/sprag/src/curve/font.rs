//! The embedded font: how wide a text is, and its outlines. Text without a font of the system looks the same
//! everywhere, and needs none.

use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// How heavy letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// For labels.
    Regular,
    /// For headlines.
    Medium,
}

/// A font at one weight.
pub(super) struct Font(Face<'static>);

impl Font {
    /// The embedded one.
    pub(super) fn embedded(weight: Weight) -> Self {
        let bytes: &[u8] = match weight {
            Weight::Regular => include_bytes!("font/Roboto-Regular.ttf"),
            Weight::Medium => include_bytes!("font/Roboto-Medium.ttf"),
        };
        Self(Face::parse(bytes, 0).expect("the embedded font is sound"))
    }

    /// The width of a text at a size, in the size's unit.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|letter| self.advance(self.glyph(letter))).sum::<f32>() * self.scale(size)
    }

    /// Each letter's glyph, with the distance of its left edge from the text's.
    pub(super) fn letters(&self, text: &str, size: f32) -> Vec<(GlyphId, f32)> {
        let scale = self.scale(size);
        let mut left = 0.0;
        let place = |letter| {
            let glyph = self.glyph(letter);
            let edge = left;
            left += self.advance(glyph) * scale;
            (glyph, edge)
        };
        text.chars().map(place).collect()
    }

    /// Traces a glyph in font units, which count upwards. A blank traces nothing.
    pub(super) fn trace(&self, glyph: GlyphId, pen: &mut dyn OutlineBuilder) {
        let _blank = self.0.outline_glyph(glyph, pen);
    }

    /// The factor from font units to the unit of a size.
    pub(super) fn scale(&self, size: f32) -> f32 {
        size / f32::from(self.0.units_per_em())
    }

    /// A letter that the font lacks becomes the sign for that.
    fn glyph(&self, letter: char) -> GlyphId {
        let found = self.0.glyph_index(letter).or_else(|| self.0.glyph_index('\u{fffd}'));
        found.unwrap_or(GlyphId(0))
    }

    fn advance(&self, glyph: GlyphId) -> f32 {
        f32::from(self.0.glyph_hor_advance(glyph).unwrap_or(0))
    }
}
