//! The curve as SVG: text stays text, each mark says its run when it is pointed at.

use std::fmt::{self, Write};

use super::Curve;
use super::chart::chart;
use super::figure::{Anchor, Figure, Ink, STROKE, Shape, Sign, Text, sign};
use super::font::Weight;

/// Draws a curve as one self-contained SVG document. Nothing in it is active, and nothing is loaded.
pub(crate) fn svg(curve: &Curve) -> String {
    let mut out = String::new();
    write_figure(&mut out, &chart(curve)).expect("a string takes whatever is written");
    out
}

fn write_figure(out: &mut String, figure: &Figure) -> fmt::Result {
    let Figure { width, height, .. } = figure;
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" font-family="Roboto, 'Helvetica Neue', Arial, sans-serif" stroke-linejoin="round">"#
    )?;
    writeln!(out, "<title>{}</title>", Escaped(&figure.title))?;
    writeln!(out, "<desc>{}</desc>", Escaped(&figure.description))?;
    writeln!(out, r#"<rect width="100%" height="100%" fill="{}"/>"#, Ink::PAPER.hex())?;
    for shape in &figure.shapes {
        match shape {
            Shape::Box { at: [left, top, width, height], ink } => writeln!(
                out,
                r#"<rect x="{}" y="{}" width="{}" height="{}" fill="{}"/>"#,
                Short(*left),
                Short(*top),
                Short(*width),
                Short(*height),
                ink.hex()
            )?,
            Shape::Line { points, ink, width } => {
                let stroke = ink.hex();
                write!(out, r#"<path fill="none" stroke="{stroke}" stroke-width="{width}" d=""#)?;
                for (index, [x, y]) in points.iter().enumerate() {
                    write!(out, "{}{} {}", if index == 0 { 'M' } else { 'L' }, Short(*x), Short(*y))?;
                }
                writeln!(out, r#""/>"#)?;
            }
            Shape::Marks { status, marks } => {
                let ink = Ink::of(*status).hex();
                match sign(*status) {
                    Sign::Disc { filled: false, .. } => {
                        writeln!(
                            out,
                            r#"<g fill="{}" stroke="{ink}" stroke-width="{STROKE}">"#,
                            Ink::PAPER.hex()
                        )?;
                    }
                    Sign::Disc { .. } | Sign::Filled(_) => {
                        writeln!(out, r#"<g fill="{ink}" stroke="{}" stroke-width="1">"#, Ink::PAPER.hex())?;
                    }
                    Sign::Strokes(_) => {
                        writeln!(out, r#"<g fill="none" stroke="{ink}" stroke-width="{STROKE}">"#)?;
                    }
                }
                for mark in marks {
                    write_mark(out, mark.at, &sign(*status), &mark.tip)?;
                }
                writeln!(out, "</g>")?;
            }
            Shape::Text(text) => write_text(out, text)?,
        }
    }
    writeln!(out, "</svg>")
}

fn write_mark(out: &mut String, [x, y]: [f32; 2], sign: &Sign, tip: &str) -> fmt::Result {
    let name = match sign {
        Sign::Disc { radius, .. } => {
            write!(out, r#"<circle cx="{}" cy="{}" r="{radius}""#, Short(x), Short(y))?;
            "circle"
        }
        Sign::Filled(corners) => {
            write!(out, r#"<path d="M"#)?;
            for [right, down] in *corners {
                write!(out, "{} {} ", Short(x + right), Short(y + down))?;
            }
            write!(out, r#"Z""#)?;
            "path"
        }
        Sign::Strokes(strokes) => {
            write!(out, r#"<path d=""#)?;
            for [[left, top], [right, bottom]] in *strokes {
                let (left, top) = (Short(x + left), Short(y + top));
                write!(out, "M{left} {top}L{} {}", Short(x + right), Short(y + bottom))?;
            }
            write!(out, r#"""#)?;
            "path"
        }
    };
    if tip.is_empty() {
        return writeln!(out, "/>");
    }
    writeln!(out, "><title>{}</title></{name}>", Escaped(tip))
}

fn write_text(out: &mut String, text: &Text) -> fmt::Result {
    let anchor = match text.anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    let weight = match text.weight {
        Weight::Regular => "400",
        Weight::Medium => "500",
    };
    let [x, y] = text.at;
    write!(out, r#"<text x="{}" y="{}" text-anchor="{anchor}" "#, Short(x), Short(y))?;
    write!(out, r#"font-size="{}" font-weight="{weight}" fill="{}" "#, text.size, text.ink.hex())?;
    write!(out, r#"stroke="{}" stroke-width="3" paint-order="stroke">"#, Ink::PAPER.hex())?;
    writeln!(out, "{}</text>", Escaped(&text.words))
}

/// A coordinate to a tenth of a point.
struct Short(f32);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding zero turns a negative zero into a plain one.
        write!(f, "{}", (self.0 * 10.0).round() / 10.0 + 0.0)
    }
}

/// Text inside an element or an attribute.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}
