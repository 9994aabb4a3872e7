//! Bytes in which places are replaced, while it is remembered where they were cut into pieces.

use std::borrow::Cow;
use std::ops::Range;

use regex::bytes::Regex;

use crate::exchange::Body;

/// Bytes, and the ends of the pieces that they came in.
#[derive(Debug, Clone)]
pub(super) struct Pieces<'t> {
    pub(super) bytes: Cow<'t, [u8]>,
    /// In order; empty where there is one piece.
    ends: Vec<usize>,
    changed: bool,
}

impl<'t> Pieces<'t> {
    pub(super) fn whole(bytes: impl Into<Cow<'t, [u8]>>) -> Self {
        Self { bytes: bytes.into(), ends: Vec::new(), changed: false }
    }

    pub(super) fn of(body: &'t Body) -> Self {
        let mut end = 0usize;
        let ends = body.chunks.iter().map(|length| {
            end = end.saturating_add(*length);
            end
        });
        Self { ends: ends.collect(), bytes: Cow::Borrowed(&body.bytes), changed: false }
    }

    /// Whether anything was replaced.
    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    pub(super) fn into_body(self) -> Body {
        let mut start = 0;
        let lengths = self.ends.iter().map(|end| {
            let length = end - start;
            start = *end;
            length
        });
        // Nothing is sent as a piece of nothing: in chunks that would be the end.
        let chunks = lengths.filter(|length| *length > 0).collect();
        Body { chunks, bytes: self.bytes.into_owned().into() }
    }

    /// Puts `with` in the place of each of some ranges, which are in order and apart. A piece that ended inside of one
    /// ends after it.
    pub(super) fn replace(&mut self, places: &[Range<usize>], with: &str) {
        if places.is_empty() {
            return;
        }
        let mut out = Vec::with_capacity(self.bytes.len());
        let mut ends = self.ends.iter_mut().peekable();
        let mut at = 0;
        for place in places {
            while let Some(end) = ends.next_if(|end| **end <= place.start) {
                *end = *end - at + out.len();
            }
            out.extend_from_slice(&self.bytes[at..place.start]);
            out.extend_from_slice(with.as_bytes());
            while let Some(end) = ends.next_if(|end| **end <= place.end) {
                *end = out.len();
            }
            at = place.end;
        }
        for end in ends {
            *end = *end - at + out.len();
        }
        out.extend_from_slice(&self.bytes[at..]);
        self.bytes = Cow::Owned(out);
        self.changed = true;
    }

    /// Within a part, writes over the first group of each match, or over the whole match where there are no groups,
    /// letter by letter: no length changes.
    pub(super) fn overwrite(&mut self, part: Range<usize>, expression: &Regex, with: &str) {
        for place in places_of(expression, &self.bytes[part.clone()]) {
            let place = part.start + place.start..part.start + place.end;
            let bytes = &mut self.bytes.to_mut()[place];
            bytes.iter_mut().zip(with.bytes().cycle()).for_each(|(byte, letter)| *byte = letter);
            self.changed = true;
        }
    }

    /// Puts `with` in the place of the first group of each match, or of the whole match where there are no groups.
    pub(super) fn replace_all(&mut self, expression: &Regex, with: &str) {
        let places = places_of(expression, &self.bytes);
        self.replace(&places, with);
    }
}

fn places_of(expression: &Regex, bytes: &[u8]) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = match expression.captures_len() {
        1 => expression.find_iter(bytes).map(|found| found.range()).collect(),
        _ => {
            let groups = expression.captures_iter(bytes);
            groups.filter_map(|found| Some(found.get(1)?.range())).collect()
        }
    };
    // An expression that matches nothing at all replaces nothing.
    places.retain(|place| !place.is_empty());
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_piece_that_ended_inside_of_a_replaced_place_ends_after_it() {
        let body = Body { bytes: "aa SECRET bb".into(), chunks: vec![2, 3, 4, 3] };
        let mut pieces = Pieces::of(&body);
        pieces.replace_all(&Regex::new("SE(CR)ET").unwrap(), "*");
        assert!(pieces.is_changed());
        let body = pieces.into_body();
        assert_eq!(&body.bytes[..], b"aa SE*ET bb");
        assert_eq!(body.chunks, [2, 3, 3, 3]);
        let mut pieces = Pieces::of(&body);
        pieces.replace_all(&Regex::new(".*").unwrap(), "");
        assert_eq!(pieces.into_body(), Body::default());
    }

    proptest! {
        #[test]
        fn pieces_always_add_up(text in "[abx]{0,30}", lengths in proptest::collection::vec(0usize..8, 0..6), with in "[z]{0,4}") {
            let mut lengths = lengths;
            let mut left = text.len();
            lengths.retain_mut(|length| { *length = (*length).min(left); left -= *length; *length > 0 });
            if let Some(last) = lengths.last_mut() { *last += left }
            let body = Body { bytes: text.clone().into(), chunks: lengths };
            let mut pieces = Pieces::of(&body);
            pieces.replace_all(&Regex::new("x+").unwrap(), &with);
            let body = pieces.into_body();
            let plain = Regex::new("x+").unwrap().replace_all(text.as_bytes(), with.as_bytes()).into_owned();
            prop_assert_eq!(&body.bytes[..], &plain[..]);
            prop_assert!(body.chunks.is_empty() || body.chunks.iter().sum::<usize>() == body.bytes.len());
        }
    }
}
