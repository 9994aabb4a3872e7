//! The demo proper: a pandas scorer, forty proposals, and what became of each.

use std::fs;
use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use include_dir::{Dir, include_dir};
use miette::{IntoDiagnostic, miette};
use sprag_agent::Playbook;
use sprag_ledger::view::status_view;
use sprag_session::{Opening, Project, Session};

use super::{python, unpack::unpack};
use crate::failed::failed;
use crate::{commands, curve, open, show, watch};

static EXAMPLE: Dir<'_> = include_dir!("$OUT_DIR/thematic");

/// Runs the demo in `dir`.
pub(crate) fn run(dir: Option<Utf8PathBuf>) -> miette::Result<ExitCode> {
    let dir = unpack(&EXAMPLE, dir)?;
    python::prepare(&dir)?;
    let project = Project::open(&dir).into_diagnostic()?;
    let mut playbook = Playbook::open(&dir.join("playbook")).into_diagnostic()?;
    let mut view = watch::view();
    let ended = Session::open(project, &Opening::default(), watch::interrupt()?, &mut *view)
        .and_then(|mut session| session.run(&mut playbook));
    drop(view);
    match ended {
        Ok(_) => tell(&dir),
        Err(error) => failed(error),
    }
}

/// Table, curve, result, cost, branch.
fn tell(dir: &Utf8Path) -> miette::Result<ExitCode> {
    let reading = open::reading(dir, None)?;
    show::text(&commands::log::table(&reading.log, show::width()))?;
    let curve = commands::log::curve(&reading.log).ok_or_else(|| miette!("the ledger holds no runs"))?;
    show::text(&format!("\n{}", commands::plot::text(&curve)))?;
    for (name, bytes) in [("curve.svg", curve::svg(&curve).into_bytes()), ("curve.png", curve::png(&curve))] {
        fs::write(dir.join(name), bytes).into_diagnostic()?;
    }
    let project = Project::open(dir).into_diagnostic()?;
    let applied = sprag_session::apply(&project, "sprag/kept").into_diagnostic()?;
    show::text(&status_view(&reading.log, &[]).to_text())?;
    show::text(&format!(
        "\nthe example     {dir}\nthe branch      {} ({} commits): git -C {dir} log -p {}\nthe curve       {dir}/curve.svg and curve.png\nthe ledger      {}\ncheck it all    sprag -C {dir} audit",
        applied.branch, applied.commits, applied.branch, reading.path
    ))?;
    Ok(ExitCode::SUCCESS)
}
