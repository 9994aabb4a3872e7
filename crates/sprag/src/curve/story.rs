//! What a curve tells, before it is drawn: runs in order, the incumbent's steps, counts, and the words for them.

use sprag_judge::Status;

use super::axis::Axis;
use super::{Curve, Point};

/// Every status, from the plainest mark to the one that is drawn on top.
pub(super) const STATUSES: [Status; 4] = [Status::Discard, Status::Crash, Status::ChecksFailed, Status::Keep];
/// The order in which a legend names them.
pub(super) const LEGEND: [Status; 4] = [Status::Keep, Status::Discard, Status::ChecksFailed, Status::Crash];
const NAME_LIMIT: usize = 40;
const UNIT_LIMIT: usize = 12;

/// A curve, read.
pub(super) struct Story {
    /// The metric's name, fit to be shown.
    pub(super) metric: String,
    unit: String,
    /// The runs in order of their number.
    pub(super) points: Vec<Point>,
    /// Each keep with a value: from this run on, the incumbent has it.
    pub(super) steps: Vec<(u32, f64)>,
    /// Where values lie.
    pub(super) axis: Axis,
    better: &'static str,
}

impl Story {
    /// Reads a curve.
    pub(super) fn of(curve: &Curve) -> Self {
        let mut points = curve.points.clone();
        points.sort_by_key(|point| point.run);
        let axis = Axis::fit(&points);
        let steps = points
            .iter()
            .filter(|point| point.status == Status::Keep)
            .filter_map(|point| Some((point.run, axis.shown(point.value)?)))
            .collect();
        let better = curve.direction.word();
        let metric = match clean(&curve.metric, NAME_LIMIT) {
            name if name.is_empty() => "metric".to_owned(),
            name => name,
        };
        Self { metric, unit: clean(&curve.unit, UNIT_LIMIT), points, steps, axis, better }
    }

    /// The first and the last run's number.
    pub(super) fn runs(&self) -> Option<(u32, u32)> {
        Some((self.points.first()?.run, self.points.last()?.run))
    }

    /// How many runs ended so.
    pub(super) fn count(&self, status: Status) -> usize {
        self.points.iter().filter(|point| point.status == status).count()
    }

    /// Whether some run has no place on the axis: unknown, or not on this scale.
    pub(super) fn has_unplaced(&self) -> bool {
        self.points.iter().any(|point| self.axis.shown(point.value).is_none())
    }

    /// A value with its unit.
    pub(super) fn amount(&self, value: f64) -> String {
        if self.unit.is_empty() { number(value) } else { format!("{} {}", number(value), self.unit) }
    }

    /// The headline: where the incumbent started and where it is, as measured. It claims no gain: what was
    /// gained is what a fresh comparison at the end shows.
    pub(super) fn headline(&self) -> String {
        let metric = &self.metric;
        match (self.steps.first(), self.steps.last()) {
            (Some(&(_, first)), Some(&(_, last))) if self.steps.len() > 1 => {
                format!("{metric} from {} to {}", self.amount(first), self.amount(last))
            }
            (Some(&(_, only)), _) => format!("{metric} at {}", self.amount(only)),
            _ => metric.clone(),
        }
    }

    /// How to read the axis.
    pub(super) fn caption(&self) -> String {
        let runs = match self.points.len() {
            1 => "1 run".to_owned(),
            count => format!("{count} runs"),
        };
        let scale = if self.axis.is_log() { ", log scale" } else { "" };
        format!("{runs}, {} is better{scale}", self.better)
    }

    /// One run in words.
    pub(super) fn sentence(&self, point: &Point) -> String {
        let value = match point.value.filter(|value| value.is_finite()) {
            Some(value) => self.amount(value),
            None => "no value".to_owned(),
        };
        format!("run {}: {value}, {}", point.run, word(point.status))
    }

    /// The keeps that moved the incumbent most; moves of less than a tenth are not told.
    pub(super) fn leaps(&self, at_most: usize) -> Vec<Leap> {
        let mut leaps: Vec<Leap> = self
            .steps
            .windows(2)
            .map(|pair| Leap { run: pair[1].0, from: pair[0].1, to: pair[1].1 })
            .filter(|leap| leap.from > 0.0 && leap.to > 0.0 && leap.size() >= 1.1f64.ln())
            .collect();
        leaps.sort_by(|a, b| b.size().total_cmp(&a.size()));
        leaps.truncate(at_most);
        leaps
    }
}

/// A keep that moved the incumbent from one positive value to another.
pub(super) struct Leap {
    pub(super) run: u32,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Leap {
    /// A halving is as large as a doubling.
    fn size(&self) -> f64 {
        (self.to / self.from).ln().abs()
    }
}

/// A status in a person's words.
pub(super) fn word(status: Status) -> &'static str {
    match status {
        Status::Keep => "kept",
        Status::Discard => "discarded",
        Status::ChecksFailed => "checks failed",
        Status::Crash => "crashed",
    }
}

/// Four significant digits, without trailing zeros; very large and very small numbers with an exponent.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 8) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Text from outside, fit to be shown: no control characters, nothing that turns the direction of reading, and
/// not longer than `limit` characters.
fn clean(text: &str, limit: usize) -> String {
    let visible = |c: char| if is_hidden(c) { '\u{fffd}' } else { c };
    let mut letters = text.trim().chars().map(visible);
    let mut cleaned: String = letters.by_ref().take(limit).collect();
    if letters.next().is_some() {
        cleaned.pop();
        cleaned.push('…');
    }
    cleaned
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}')
}
