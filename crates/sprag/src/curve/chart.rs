//! The curve as shapes: where everything stands in the picture.

use super::axis::linear_ticks;
use super::figure::{Anchor, Figure, Ink, Mark, Shape, Text};
use super::font::{Font, Weight};
use super::story::{LEGEND, Leap, STATUSES, Story, number, word};
use super::{Curve, Point};

const WIDTH: f32 = 860.0;
const HEIGHT: f32 = 460.0;
const LEFT: f32 = 72.0;
const RIGHT: f32 = WIDTH - 104.0;
const TOP: f32 = 96.0;
const BOTTOM: f32 = HEIGHT - 52.0;
/// The height of the strip for runs that have no place on the axis.
const LANE: f32 = 24.0;
const LABEL: f32 = 12.0;
const HEADLINE: f32 = 19.0;
const MARGIN: f32 = 20.0;
/// Leaps that are named in the picture.
const LEAPS: usize = 4;

/// Lays a curve out.
pub(super) fn chart(curve: &Curve) -> Figure {
    let layout = Layout::of(Story::of(curve));
    let mut shapes = layout.head();
    shapes.extend(layout.grid());
    shapes.extend(layout.steps());
    shapes.extend(layout.marks());
    shapes.extend(layout.leaps());
    shapes.extend(layout.ends());
    Figure {
        width: WIDTH,
        height: HEIGHT,
        title: layout.story.headline(),
        description: layout.description(),
        shapes,
    }
}

struct Layout {
    story: Story,
    /// The lower edge of the area where values lie.
    floor: f32,
    font: Font,
}

impl Layout {
    fn of(story: Story) -> Self {
        let floor = if story.has_unplaced() { BOTTOM - LANE } else { BOTTOM };
        Self { story, floor, font: Font::embedded(Weight::Regular) }
    }

    fn x(&self, run: u32) -> f32 {
        let (first, last) = self.story.runs().unwrap_or((0, 0));
        if first == last {
            return (LEFT + RIGHT) / 2.0;
        }
        let share = f64::from(run - first) / f64::from(last - first);
        let inset = 12.0;
        LEFT + inset + (RIGHT - LEFT - 2.0 * inset) * share as f32
    }

    fn y(&self, value: f64) -> f32 {
        self.floor - (self.floor - TOP) * self.story.axis.place(value) as f32
    }

    fn place(&self, point: &Point) -> [f32; 2] {
        let lane = (self.floor + BOTTOM) / 2.0;
        [self.x(point.run), self.story.axis.shown(point.value).map_or(lane, |value| self.y(value))]
    }

    fn head(&self) -> Vec<Shape> {
        let headline = Text {
            at: [MARGIN, 34.0],
            anchor: Anchor::Start,
            size: self.headline_size(),
            weight: Weight::Medium,
            ink: Ink::TEXT,
            words: self.story.headline(),
        };
        let caption = quiet([MARGIN, 56.0], Anchor::Start, self.story.caption());
        let mut shapes = vec![Shape::Text(headline), Shape::Text(caption)];
        let mut x = 26.0;
        for status in LEGEND {
            let words = format!("{} {}", self.story.count(status), word(status));
            let width = self.font.width(&words, LABEL);
            let mark = Mark { at: [x, 75.0], tip: String::new() };
            shapes.push(Shape::Marks { status, marks: vec![mark] });
            shapes.push(Shape::Text(quiet([x + 10.0, 79.3], Anchor::Start, words)));
            x += width + 34.0;
        }
        let line = vec![[x - 6.0, 75.0], [x + 16.0, 75.0]];
        shapes.push(Shape::Line { points: line, ink: Ink::KEEP, width: 2.0 });
        shapes.push(Shape::Text(quiet([x + 23.0, 79.3], Anchor::Start, "incumbent".to_owned())));
        shapes
    }

    /// Long names make small headlines.
    fn headline_size(&self) -> f32 {
        let width = Font::embedded(Weight::Medium).width(&self.story.headline(), HEADLINE);
        HEADLINE * ((WIDTH - 2.0 * MARGIN) / width.max(1.0)).min(1.0)
    }

    fn grid(&self) -> Vec<Shape> {
        let mut shapes = Vec::new();
        if self.floor < BOTTOM {
            let at = [LEFT, self.floor, RIGHT - LEFT, BOTTOM - self.floor];
            shapes.push(Shape::Box { at, ink: Ink::LANE });
            let label = [LEFT - 10.0, (self.floor + BOTTOM) / 2.0 + 4.2];
            shapes.push(Shape::Text(quiet(label, Anchor::End, "no value".to_owned())));
        }
        for (tick, label) in self.story.axis.ticks() {
            let y = self.y(tick);
            shapes.push(line([LEFT, y], [RIGHT, y], Ink::GRID));
            shapes.push(Shape::Text(quiet([LEFT - 10.0, y + 4.2], Anchor::End, label)));
        }
        shapes.push(line([LEFT, BOTTOM], [RIGHT, BOTTOM], Ink::QUIET));
        for run in self.run_ticks() {
            let x = self.x(run);
            shapes.push(line([x, BOTTOM], [x, BOTTOM + 5.0], Ink::QUIET));
            shapes.push(Shape::Text(quiet([x, BOTTOM + 19.0], Anchor::Middle, run.to_string())));
        }
        let middle = (LEFT + RIGHT) / 2.0;
        shapes.push(Shape::Text(quiet([middle, BOTTOM + 38.0], Anchor::Middle, "run".to_owned())));
        shapes
    }

    fn run_ticks(&self) -> Vec<u32> {
        match self.story.runs() {
            None => vec![],
            Some((first, last)) if last - first < 8 => (first..=last).collect(),
            Some((first, last)) => {
                let ticks = linear_ticks(f64::from(first), f64::from(last), 10.0);
                let mut ticks: Vec<u32> = ticks.into_iter().map(|tick| tick as u32).collect();
                ticks.dedup();
                ticks
            }
        }
    }

    /// The incumbent: level from keep to keep, and on to the last run.
    fn steps(&self) -> Option<Shape> {
        let mut points: Vec<[f32; 2]> = Vec::new();
        for (run, value) in &self.story.steps {
            let (x, y) = (self.x(*run), self.y(*value));
            if let Some(&[_, before]) = points.last() {
                points.push([x, before]);
            }
            points.push([x, y]);
        }
        let [_, y] = *points.last()?;
        points.push([RIGHT, y]);
        Some(Shape::Line { points, ink: Ink::KEEP, width: 2.0 })
    }

    fn marks(&self) -> Vec<Shape> {
        let of = |status| {
            let runs = self.story.points.iter().filter(|point| point.status == status);
            let mark = |point: &Point| Mark { at: self.place(point), tip: self.story.sentence(point) };
            Shape::Marks { status, marks: runs.map(mark).collect() }
        };
        let filled = |shape: &Shape| !matches!(shape, Shape::Marks { marks, .. } if marks.is_empty());
        STATUSES.into_iter().map(of).filter(filled).collect()
    }

    /// Names the largest leaps beside their upright lines, where there is room.
    fn leaps(&self) -> Vec<Shape> {
        let mut taken: Vec<[f32; 4]> = Vec::new();
        let mut shapes = Vec::new();
        for Leap { run, from, to } in self.story.leaps(LEAPS) {
            let change = to / from - 1.0;
            let sign = if change < 0.0 { '−' } else { '+' };
            let words = format!("run {run}: {sign}{} %", number((change.abs() * 1000.0).round() / 10.0));
            let [above, below] = [self.y(from.max(to)), self.y(from.min(to))];
            let [x, y] = [self.x(run) + 8.0, (above + below) / 2.0];
            let area = [x, y - LABEL, x + self.font.width(&words, LABEL), y + LABEL];
            let fits = below - above > 2.0 * LABEL && area[2] < RIGHT;
            let mut marks = self.story.points.iter().map(|point| self.place(point));
            let hidden = marks.any(|[x, y]| overlap(&area, &[x - 5.0, y - 5.0, x + 5.0, y + 5.0]));
            if fits && !hidden && !taken.iter().any(|other| overlap(other, &area)) {
                taken.push(area);
                let text = Text { ink: Ink::TEXT, ..quiet([x, y + 4.2], Anchor::Start, words) };
                shapes.push(Shape::Text(text));
            }
        }
        shapes
    }

    /// Where the incumbent is now, at the right end of its line; without a unit that has no room there.
    fn ends(&self) -> Option<Shape> {
        let &(_, value) = self.story.steps.last()?;
        let at = [RIGHT + 8.0, self.y(value) + 4.6];
        let mut words = self.story.amount(value);
        if self.font.width(&words, 13.5) > WIDTH - at[0] {
            words = number(value);
        }
        let text =
            Text { size: 13.0, weight: Weight::Medium, ink: Ink::KEEP, ..quiet(at, Anchor::Start, words) };
        Some(Shape::Text(text))
    }

    fn description(&self) -> String {
        let counts = LEGEND.map(|status| format!("{} {}", self.story.count(status), word(status))).join(", ");
        format!("{}: {counts}.", self.story.caption())
    }
}

fn quiet(at: [f32; 2], anchor: Anchor, words: String) -> Text {
    Text { at, anchor, size: LABEL, weight: Weight::Regular, ink: Ink::QUIET, words }
}

fn line(from: [f32; 2], to: [f32; 2], ink: Ink) -> Shape {
    Shape::Line { points: vec![from, to], ink, width: 1.0 }
}

fn overlap(a: &[f32; 4], b: &[f32; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}
