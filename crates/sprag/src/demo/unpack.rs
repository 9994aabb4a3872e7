//! Makes a bundled example a git repository in a new folder.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use include_dir::Dir;
use miette::{IntoDiagnostic, WrapErr, miette};

use crate::jail::strongest;

/// Unpacks `example` into `dir`, or into a new folder of the temporary directory, and commits it there.
pub(crate) fn unpack(example: &Dir<'_>, dir: Option<Utf8PathBuf>) -> miette::Result<Utf8PathBuf> {
    let dir = match dir {
        Some(dir) => dir,
        None => {
            let temp = tempfile::Builder::new().prefix("sprag-demo-").tempdir().into_diagnostic()?;
            Utf8PathBuf::from_path_buf(temp.keep())
                .map_err(|path| miette!("{} is not UTF-8", path.display()))?
        }
    };
    if dir.read_dir_utf8().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(miette!(help = "name a folder that does not exist yet", "{dir} is not empty"));
    }
    fs::create_dir_all(&dir).into_diagnostic().wrap_err_with(|| format!("failed to make {dir}"))?;
    let dir = dir.canonicalize_utf8().into_diagnostic()?;
    write(example, &dir)?;
    lock_in(&dir)?;
    // The example's own repository: the person's configuration, hooks and signing keys have no part in it.
    for args in [
        vec!["init", "--quiet", "--initial-branch=main"],
        vec!["add", "--all"],
        vec!["commit", "--quiet", "--no-gpg-sign", "--message", "The example as bundled"],
    ] {
        git(&dir, &args)?;
    }
    Ok(dir)
}

/// The strongest tier is this machine's, so no bundled example can name it.
fn lock_in(dir: &Utf8Path) -> miette::Result<()> {
    let settings = dir.join(".auto/sprag.toml");
    let text = fs::read_to_string(&settings).into_diagnostic()?;
    let tier = format!("\n[sandbox]\ntier = \"{}\"\n", strongest()?.name());
    fs::write(&settings, text + &tier)
        .into_diagnostic()
        .wrap_err_with(|| format!("failed to write {settings}"))
}

fn git(dir: &Utf8Path, args: &[&str]) -> miette::Result<()> {
    let who =
        ["-c", "user.name=Sprag demo", "-c", "user.email=demo@localhost", "-c", "core.hooksPath=/dev/null"];
    let output = Command::new("git").current_dir(dir).args(who).args(args).output();
    let output = output.into_diagnostic().wrap_err("failed to run git: it is needed for everything here")?;
    if output.status.success() {
        return Ok(());
    }
    Err(miette!("git {} failed: {}", args[0], String::from_utf8_lossy(&output.stderr).trim()))
}

fn write(from: &Dir<'_>, to: &Utf8Path) -> miette::Result<()> {
    for file in from.files() {
        let path = Utf8Path::from_path(file.path()).ok_or_else(|| miette!("a bundled path is not UTF-8"))?;
        let path = to.join(path);
        let parent = path.parent().unwrap_or(to);
        fs::create_dir_all(parent).into_diagnostic()?;
        fs::write(&path, file.contents())
            .into_diagnostic()
            .wrap_err_with(|| format!("failed to write {path}"))?;
        if path.extension() == Some("sh") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).into_diagnostic()?;
        }
    }
    from.dirs().try_for_each(|dir| write(dir, to))
}
