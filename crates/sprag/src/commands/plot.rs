//! `sprag plot`: the curve of a session.

use std::fs;
use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use miette::{IntoDiagnostic, WrapErr, miette};
use serde_json::json;

use super::log;
use crate::{curve, open, show};

/// Draw the curve of the session: every try as a mark by its verdict, the incumbent as a line.
///
/// Example: sprag plot --png curve.png
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file instead of the current session's ledger.
    #[arg(long, value_name = "FILE")]
    file: Option<Utf8PathBuf>,
    /// Write the curve as SVG.
    #[arg(long, value_name = "FILE")]
    svg: Option<Utf8PathBuf>,
    /// Write the curve as PNG.
    #[arg(long, value_name = "FILE")]
    png: Option<Utf8PathBuf>,
    /// Print the names of the files written as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let reading = open::reading(dir, args.file.as_deref())?;
    let curve = log::curve(&reading.log).ok_or_else(|| miette!("{} holds no runs to draw", reading.path))?;
    let mut written = Vec::new();
    if let Some(path) = args.svg {
        written.push(write(dir, &path, curve::svg(&curve).as_bytes())?);
    }
    if let Some(path) = args.png {
        written.push(write(dir, &path, &curve::png(&curve))?);
    }
    if args.json {
        show::json(&json!({ "written": written }))?;
    } else if written.is_empty() {
        show::text(&text(&curve))?;
    } else {
        show::text(&written.iter().map(|path| format!("wrote {path}\n")).collect::<String>())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The curve as text, as wide as the terminal.
pub(crate) fn text(curve: &curve::Curve) -> String {
    let glyphs = if show::unicode() { curve::Glyphs::Unicode } else { curve::Glyphs::Ascii };
    curve::text(curve, show::width().min(100), 18, glyphs)
}

fn write(dir: &Utf8Path, path: &Utf8Path, bytes: &[u8]) -> miette::Result<Utf8PathBuf> {
    let path = dir.join(path);
    fs::write(&path, bytes).into_diagnostic().wrap_err_with(|| format!("failed to write {path}"))?;
    Ok(path)
}
