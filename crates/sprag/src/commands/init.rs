//! `sprag init`: writes a spec, a benchmark, checks and settings, from what is asked or inferred.

mod ask;
mod told;

use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use miette::{IntoDiagnostic, WrapErr, miette};
use sprag_contract::init::{InitFile, RepoFacts, infer, init_files};
use sprag_contract::locate::Layout;
use sprag_contract::{Compiled, Source, Surroundings, compile};
use sprag_workspace::UserRepo;

use crate::jail::strongest;
use crate::show;

/// Write the files that a session needs into .auto: the spec, measure.sh, checks.sh and sprag.toml.
///
/// Asks at a terminal, and proposes what the repository suggests; with --yes, or where there is nobody to ask, takes
/// what it would have proposed. Overwrites nothing, and runs nothing: no build, no benchmark, no agent.
///
/// Example: sprag init && sprag check
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Ask nothing.
    #[arg(short, long)]
    yes: bool,
    /// Print JSON: `files`, the `answers` with `notes` why, what is `missing` still, and whether it is `ready`. Asks
    /// nothing.
    #[arg(long)]
    json: bool,
}

/// A manifest is written by hand: of a longer one only so much is read.
const MAX_MANIFEST: u64 = 1 << 20;

pub(crate) fn run(dir: &Utf8Path, args: Args) -> miette::Result<ExitCode> {
    let repo = UserRepo::discover(dir).into_diagnostic()?;
    let root = repo.root();
    refuse_what_is_there(root)?;
    let facts = RepoFacts::of(
        repo.files().into_diagnostic()?,
        |path| manifest(&root.join(path)),
        |path| root.join(path).is_dir(),
    );
    let paths = facts.files.clone();
    let (mut inferred, notes) = infer(&facts);
    inferred.tier = strongest()?;

    let somebody = io::stdin().is_terminal() && io::stderr().is_terminal();
    let asks = somebody && !args.yes && !args.json;
    let answers = if asks {
        let answered = ask::Asker::new(io::stdin().lock(), io::stderr()).everything(inferred.clone());
        answered.into_diagnostic().wrap_err("nothing was written")?
    } else {
        inferred.clone()
    };
    let files = init_files(&answers);
    write_all(root, &files)?;

    let outcome = told::Outcome {
        // A guess that the person replaced is not explained.
        notes: notes.into_iter().filter(|(topic, _)| told::is_kept(*topic, &inferred, &answers)).collect(),
        compiled: compiled(&files, paths),
        answers,
        files,
        unasked: !somebody && !args.yes && !args.json,
    };
    if args.json {
        show::json(&outcome.json())?;
    } else {
        show::text(&outcome.text())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Nothing is overwritten, and no spec is put before another.
fn refuse_what_is_there(root: &Utf8Path) -> miette::Result<()> {
    let folder = Layout::folder();
    let ours = [folder.spec, folder.measure, folder.checks, folder.settings, Layout::flat().spec];
    let there: Vec<String> =
        ours.into_iter().filter(|path| root.join(path).symlink_metadata().is_ok()).collect();
    if there.is_empty() {
        return Ok(());
    }
    Err(miette!(
        help = "`sprag check` shows how they are understood; to start over, move them away and run `sprag init` again",
        "{} {} there already, and nothing was written",
        there.join(", "),
        if there.len() == 1 { "is" } else { "are" }
    ))
}

fn manifest(path: &Utf8Path) -> Option<String> {
    let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let file = File::open(path).ok().filter(|_| meta.len() <= MAX_MANIFEST)?;
    let mut text = String::new();
    file.take(MAX_MANIFEST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Writes every file or none.
fn write_all(root: &Utf8Path, files: &[InitFile]) -> miette::Result<()> {
    let mut written: Vec<Utf8PathBuf> = Vec::new();
    for file in files {
        let path = root.join(file.path);
        if let Err(error) = write_new(&path, file) {
            for ours in &written {
                let _ = fs::remove_file(ours);
            }
            return Err(error)
                .into_diagnostic()
                .wrap_err_with(|| format!("failed to write {path}; nothing was changed"));
        }
        written.push(path);
    }
    Ok(())
}

fn write_new(path: &Utf8Path, file: &InitFile) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mode = if file.executable { 0o755 } else { 0o644 };
    let mut new = File::options().write(true).create_new(true).mode(mode).open(path)?;
    new.write_all(file.text.as_bytes())
}

/// How `sprag check` would understand what was written.
fn compiled(files: &[InitFile], mut paths: Vec<String>) -> Compiled {
    let layout = Layout::folder();
    let text = |path: &str| files.iter().find(|file| file.path == path).map(|file| file.text.clone());
    paths.extend(files.iter().map(|file| file.path.to_owned()));
    let around = Surroundings {
        measure: text(&layout.measure).map(|_| layout.measure.clone()),
        checks: text(&layout.checks).map(|_| layout.checks.clone()),
        paths: Some(paths),
        locked: layout.own_paths(),
        ..Surroundings::default()
    };
    let spec = Source::new(&layout.spec, text(&layout.spec).unwrap_or_default());
    let settings = text(&layout.settings).map(|text| Source::new(&layout.settings, text));
    compile(&spec, settings.as_ref(), &around)
}
