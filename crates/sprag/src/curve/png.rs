//! The curve as a PNG, at twice the size in points, for screens that show details.

use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, Transform,
};
use ttf_parser::OutlineBuilder;

use super::Curve;
use super::chart::chart;
use super::figure::{Anchor, Ink, STROKE, Shape, Sign, Text, sign};
use super::font::{Font, Weight};

/// Pixels a point.
const SCALE: f32 = 2.0;

/// Draws a curve as a PNG file.
pub(crate) fn png(curve: &Curve) -> Vec<u8> {
    let figure = chart(curve);
    let (width, height) = ((figure.width * SCALE) as u32, (figure.height * SCALE) as u32);
    let mut canvas = Canvas {
        pixels: Pixmap::new(width, height).expect("the size is fixed and small"),
        regular: Font::embedded(Weight::Regular),
        medium: Font::embedded(Weight::Medium),
    };
    canvas.pixels.fill(colour(Ink::PAPER));
    for shape in &figure.shapes {
        canvas.draw(shape);
    }
    canvas.pixels.encode_png().expect("pixels of a sound size encode")
}

struct Canvas {
    pixels: Pixmap,
    regular: Font,
    medium: Font,
}

impl Canvas {
    fn draw(&mut self, shape: &Shape) {
        match shape {
            Shape::Box { at: [left, top, width, height], ink } => {
                let area = Rect::from_xywh(*left, *top, *width, *height);
                self.fill(area.map(PathBuilder::from_rect), *ink);
            }
            Shape::Line { points, ink, width } => self.stroke(through(points, false), *ink, *width),
            Shape::Marks { status, marks } => {
                for mark in marks {
                    self.mark(mark.at, &sign(*status), Ink::of(*status));
                }
            }
            Shape::Text(text) => self.text(text),
        }
    }

    fn mark(&mut self, [x, y]: [f32; 2], sign: &Sign, ink: Ink) {
        match sign {
            Sign::Disc { radius, filled } => {
                let disc = PathBuilder::from_circle(x, y, *radius);
                self.fill(disc.clone(), if *filled { ink } else { Ink::PAPER });
                let (rim, width) = if *filled { (Ink::PAPER, 1.0) } else { (ink, STROKE) };
                self.stroke(disc, rim, width);
            }
            Sign::Filled(corners) => {
                let corners: Vec<_> = corners.iter().map(|[right, down]| [x + right, y + down]).collect();
                let outline = through(&corners, true);
                self.fill(outline.clone(), ink);
                self.stroke(outline, Ink::PAPER, 1.0);
            }
            Sign::Strokes(strokes) => {
                for ends in *strokes {
                    let ends = ends.map(|[right, down]| [x + right, y + down]);
                    self.stroke(through(&ends, false), ink, STROKE);
                }
            }
        }
    }

    fn text(&mut self, text: &Text) {
        let font = if text.weight == Weight::Medium { &self.medium } else { &self.regular };
        let width = font.width(&text.words, text.size);
        let [x, y] = text.at;
        let left = match text.anchor {
            Anchor::Start => x,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x - width,
        };
        let mut path = PathBuilder::new();
        for (letter, offset) in font.letters(&text.words, text.size) {
            let pen =
                &mut Pen { path: &mut path, left: left + offset, baseline: y, scale: font.scale(text.size) };
            font.trace(letter, pen);
        }
        let outline = path.finish();
        self.stroke(outline.clone(), Ink::PAPER, 3.0);
        self.fill(outline, text.ink);
    }

    fn fill(&mut self, path: Option<Path>, ink: Ink) {
        let Some(path) = path else { return };
        self.pixels.fill_path(
            &path,
            &paint(ink),
            FillRule::Winding,
            Transform::from_scale(SCALE, SCALE),
            None,
        );
    }

    fn stroke(&mut self, path: Option<Path>, ink: Ink, width: f32) {
        let Some(path) = path else { return };
        let stroke =
            Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        self.pixels.stroke_path(&path, &paint(ink), &stroke, Transform::from_scale(SCALE, SCALE), None);
    }
}

fn through(points: &[[f32; 2]], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, [x, y]) in points.iter().enumerate() {
        if index == 0 { path.move_to(*x, *y) } else { path.line_to(*x, *y) }
    }
    if closed {
        path.close();
    }
    path.finish()
}

fn paint(ink: Ink) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(colour(ink));
    paint
}

fn colour(Ink([red, green, blue]): Ink) -> Color {
    Color::from_rgba8(red, green, blue, 0xff)
}

/// Carries a letter's outline from font units, upwards, to its place in the picture.
struct Pen<'a> {
    path: &'a mut PathBuilder,
    left: f32,
    baseline: f32,
    scale: f32,
}

impl Pen<'_> {
    fn place(&self, x: f32, y: f32) -> (f32, f32) {
        (self.left + x * self.scale, self.baseline - y * self.scale)
    }
}

impl OutlineBuilder for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.place(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.place(x1, y1), self.place(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
