//! The value axis: linear, or logarithmic where a linear one would press most of the curve onto the floor.

use sprag_judge::Status;

use super::Point;
use super::story::number;

/// A range of values beyond this ratio is drawn on a logarithmic scale.
const LOG_RATIO: f64 = 5.0;
/// Values beyond this size, or nearer to zero than its inverse, are not drawn: no metric of a benchmark is so,
/// and one absurd number must not press all others together.
const SIZE_LIMIT: f64 = 1e12;
/// Longer labels are rounded.
const LABEL_LIMIT: usize = 8;
/// Room at both ends, as a share of the range.
const MARGIN: f64 = 0.06;

/// Where values lie between the lower (0) and the upper end (1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    log: bool,
    /// Ends in the axis' own measure: the value, or its logarithm to base ten.
    low: f64,
    high: f64,
    /// No value at all: nothing to label.
    empty: bool,
}

impl Axis {
    /// An axis on which the incumbent's values have room, and all others that fit its scale.
    pub(super) fn fit(points: &[Point]) -> Self {
        let values: Vec<f64> = points.iter().filter_map(|point| drawable(point.value)).collect();
        let positive: Vec<f64> = values.iter().copied().filter(|value| *value > 0.0).collect();
        let kept_all_positive = points
            .iter()
            .filter(|point| point.status == Status::Keep)
            .filter_map(|point| drawable(point.value))
            .all(|value| value > 0.0);
        let log = kept_all_positive && span(&positive).is_some_and(|(low, high)| high / low > LOG_RATIO);
        let ends =
            if log { span(&positive).map(|(low, high)| (low.log10(), high.log10())) } else { span(&values) };
        let (low, high) = ends.unwrap_or((0.0, 0.0));
        let margin = match high - low {
            range if range > 0.0 => range * MARGIN,
            _ if high == 0.0 => 1.0,
            _ => high.abs() * MARGIN,
        };
        Self { log, low: low - margin, high: high + margin, empty: ends.is_none() }
    }

    /// Whether equal ratios have equal lengths.
    pub(super) fn is_log(&self) -> bool {
        self.log
    }

    /// The value, if this axis can show it.
    pub(super) fn shown(&self, value: Option<f64>) -> Option<f64> {
        drawable(value).filter(|value| !self.log || *value > 0.0)
    }

    /// Where a shown value lies: 0 at the lower end, 1 at the upper one.
    pub(super) fn place(&self, value: f64) -> f64 {
        let measure = if self.log { value.log10() } else { value };
        ((measure - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Round values with their labels, at most about eight.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let ticks = match self {
            Self { empty: true, .. } => vec![],
            Self { log: true, .. } => self.log_ticks(),
            Self { low, high, .. } => linear_ticks(*low, *high, 8.0),
        };
        let step = match ticks.as_slice() {
            [first, second, ..] if !self.log => second - first,
            _ => 0.0,
        };
        ticks.into_iter().map(|tick| (tick, label(tick, step))).collect()
    }

    fn log_ticks(&self) -> Vec<f64> {
        let decades = self.low.floor() as i32..=self.high.ceil() as i32;
        let inside = |value: &f64| (self.low..=self.high).contains(&value.log10());
        let of = |factors: &'static [f64], every: i32| -> Vec<f64> {
            let decades = decades.clone().filter(move |decade| decade.rem_euclid(every) == 0);
            let ticks =
                decades.flat_map(|decade| factors.iter().map(move |factor| factor * 10f64.powi(decade)));
            ticks.filter(inside).collect()
        };
        let fine = of(&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0], 1);
        let choices = [fine, of(&[1.0, 2.0, 5.0], 1), of(&[1.0], 1), of(&[1.0], 2), of(&[1.0], 4)];
        choices.into_iter().find(|ticks| ticks.len() <= 8).unwrap_or_default()
    }
}

/// Round values between two ends, about `wanted` of them.
pub(super) fn linear_ticks(low: f64, high: f64, wanted: f64) -> Vec<f64> {
    let rough = (high - low) / wanted;
    if rough <= 0.0 || !rough.is_finite() {
        return vec![];
    }
    let decade = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * decade);
    let first = (low / step).ceil();
    (0..64).map(|index| (first + f64::from(index)) * step).take_while(|tick| *tick <= high).collect()
}

/// A tick tells itself from the next one, where there is room for that many digits.
fn label(tick: f64, step: f64) -> String {
    let decimals = (-step.log10()).ceil();
    if (0.0..=8.0).contains(&decimals) {
        let exact = format!("{tick:.width$}", width = decimals as usize);
        if exact.len() <= LABEL_LIMIT {
            return exact;
        }
    }
    number(tick)
}

fn drawable(value: Option<f64>) -> Option<f64> {
    value.filter(|value| *value == 0.0 || (1.0 / SIZE_LIMIT..=SIZE_LIMIT).contains(&value.abs()))
}

fn span(values: &[f64]) -> Option<(f64, f64)> {
    let low = values.iter().copied().reduce(f64::min)?;
    let high = values.iter().copied().reduce(f64::max)?;
    Some((low, high))
}
