//! The user's repository, which is only read: no index refresh, no config, no refs, no hooks, no filters.

use camino::{Utf8Path, Utf8PathBuf};

use crate::commit::Identity;
use crate::git::Git;
use crate::id::CommitId;
use crate::lfs;
use crate::{Error, Result};

/// The user's repository and working tree.
#[derive(Debug)]
pub struct UserRepo {
    root: Utf8PathBuf,
    git_dir: Utf8PathBuf,
    common_dir: Utf8PathBuf,
}

/// One commit of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its name.
    pub id: CommitId,
    /// The first line of its message.
    pub subject: String,
}

/// How a path of the working tree differs from HEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DirtyKind {
    /// Tracked, and its bytes or mode differ; or added to the index.
    Changed,
    /// Tracked, and not in the working tree.
    Deleted,
    /// Neither tracked nor ignored. A repository inside the working tree ends with `/`.
    Untracked,
    /// In an unresolved merge.
    Conflicted,
}

/// One uncommitted change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirtyPath {
    /// Relative to the top of the working tree.
    pub path: String,
    /// How it differs.
    pub kind: DirtyKind,
}

impl UserRepo {
    /// Finds the repository at or above a directory.
    ///
    /// # Errors
    /// [`Error::NotARepository`], [`Error::Bare`], [`Error::NoCommits`], [`Error::ObjectFormat`].
    pub fn discover(cwd: &Utf8Path) -> Result<Self> {
        let git = Git::in_dir(cwd);
        let ask = ["rev-parse", "--is-bare-repository", "--is-inside-work-tree", "--show-object-format"];
        let answer = git.answer(&ask, b"")?;
        if answer.code != Some(0) {
            return Err(Error::NotARepository { dir: cwd.to_owned() });
        }
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        let mut lines = text.lines();
        let (bare, inside, format) = (lines.next(), lines.next(), lines.next());
        if bare == Some("true") || inside != Some("true") {
            return Err(Error::Bare { dir: cwd.to_owned() });
        }
        // Once for all three, unless a path has a newline in it: every command waits for this.
        const WHERE: [&str; 3] = ["--show-toplevel", "--absolute-git-dir", "--git-common-dir"];
        let told = git.line(&["rev-parse", WHERE[0], WHERE[1], WHERE[2]], b"")?;
        let [top, git_dir, common] = match told.lines().collect::<Vec<_>>()[..] {
            [top, git_dir, common] => [top.to_owned(), git_dir.to_owned(), common.to_owned()],
            _ => {
                let ask = |what| git.line(&["rev-parse", what], b"");
                [ask(WHERE[0])?, ask(WHERE[1])?, ask(WHERE[2])?]
            }
        };
        let root = canonical(&top)?;
        if format != Some("sha1") {
            return Err(Error::ObjectFormat { dir: root, format: format.unwrap_or("unknown").to_owned() });
        }
        let git_dir = canonical(&git_dir)?;
        let common_dir = canonical(cwd.join(common).as_str())?;
        let repo = Self { root, git_dir, common_dir };
        if repo.git().answer(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], b"")?.code != Some(0) {
            return Err(Error::NoCommits { dir: repo.root });
        }
        Ok(repo)
    }

    /// The top of the working tree, canonical.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// The repository's name in the state directory: `<dirname>-<12 hex digits>`, the digits being those of the
    /// BLAKE3 of the canonical common git directory and a NUL. The same for every linked worktree.
    pub fn id(&self) -> String {
        let home = match self.common_dir.file_name() {
            Some(".git") => self.common_dir.parent().unwrap_or(&self.common_dir),
            _ => &self.common_dir,
        };
        let name: String = home
            .file_name()
            .unwrap_or("repository")
            .trim_end_matches(".git")
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
            .take(60)
            .collect();
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.common_dir.as_str().as_bytes()).update(b"\0");
        format!("{name}-{}", &hasher.finalize().to_hex()[..12])
    }

    /// The commit that is checked out.
    pub fn head(&self) -> Result<CommitId> {
        self.resolve("HEAD")
    }

    /// The commit that a revision names.
    ///
    /// # Errors
    /// [`Error::UnknownRevision`].
    pub fn resolve(&self, rev: &str) -> Result<CommitId> {
        let wanted = format!("{rev}^{{commit}}");
        let answer =
            self.git().answer(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted], b"")?;
        String::from_utf8_lossy(&answer.stdout)
            .trim()
            .parse()
            .map_err(|_| Error::UnknownRevision { rev: rev.to_owned(), dir: self.root.clone() })
    }

    /// The commits of `A..B`, oldest first, along first parents. `A..` ends at HEAD.
    ///
    /// # Errors
    /// [`Error::BadRange`], [`Error::UnknownRevision`].
    pub fn commits(&self, range: &str) -> Result<Vec<Commit>> {
        let bad = || Error::BadRange { range: range.to_owned() };
        let (from, to) = range.split_once("..").ok_or_else(bad)?;
        if from.is_empty() || to.starts_with('.') {
            return Err(bad());
        }
        let from = format!("^{}", self.resolve(from)?);
        let to = self.resolve(if to.is_empty() { "HEAD" } else { to })?.to_string();
        let args = [
            "log",
            "--first-parent",
            "--reverse",
            "--no-color",
            "--format=%H %s",
            "--encoding=UTF-8",
            &to,
            &from,
        ];
        let text = self.git().run(&args, b"")?;
        String::from_utf8_lossy(&text)
            .lines()
            .map(|line| {
                let (id, subject) = line.split_once(' ').unwrap_or((line, ""));
                Ok(Commit { id: id.parse().map_err(Error::git_output("log"))?, subject: subject.to_owned() })
            })
            .collect()
    }

    /// The uncommitted changes, ordered by path, but for those that `ignoring` names (harness, log, ideas).
    pub fn dirty(&self, ignoring: &dyn Fn(&str) -> bool) -> Result<Vec<DirtyPath>> {
        // git would refresh the index that it reads: it gets a copy.
        let scratch =
            tempfile::tempdir().map_err(Error::io("make a directory in", "the temporary directory"))?;
        let git = self.git_with_index_copy(scratch.path())?;
        let status = git.run(
            &[
                "status",
                "--porcelain=v1",
                "-z",
                "--no-renames",
                "--untracked-files=all",
                "--ignore-submodules=dirty",
            ],
            b"",
        )?;
        let mut dirty = Vec::new();
        for record in status.split(|&byte| byte == 0).filter(|record| record.len() > 3) {
            let path = text_path(&record[3..])?;
            if ignoring(&path) || ignoring(path.trim_end_matches('/')) {
                continue;
            }
            let kind = match &record[..2] {
                b"??" => DirtyKind::Untracked,
                b"DD" | b"AU" | b"UD" | b"UA" | b"DU" | b"AA" | b"UU" => DirtyKind::Conflicted,
                _ if self.root.join(&path).symlink_metadata().is_err() => DirtyKind::Deleted,
                [b'D', b' '] => DirtyKind::Deleted,
                // The filter of LFS does not run here, so that its files look changed after a touch.
                b" M" if self.is_clean_lfs(&git, &path) => continue,
                _ => DirtyKind::Changed,
            };
            dirty.push(DirtyPath { path, kind });
        }
        dirty.sort();
        // A path is reported twice when it was removed from the index and is still there.
        dirty.dedup_by(|again, first| {
            let same = again.path == first.path;
            if same {
                first.kind = DirtyKind::Changed;
            }
            same
        });
        Ok(dirty)
    }

    /// The tracked paths, as the index has them.
    pub fn files(&self) -> Result<Vec<String>> {
        let scratch =
            tempfile::tempdir().map_err(Error::io("make a directory in", "the temporary directory"))?;
        let list = self
            .git_with_index_copy(scratch.path())?
            .run(&["ls-files", "-z", "--cached", "--deduplicate"], b"")?;
        list.split(|&byte| byte == 0).filter(|path| !path.is_empty()).map(text_path).collect()
    }

    /// Who commits here, as the user's configuration says; Sprag where it says nothing.
    pub fn identity(&self) -> Result<Identity> {
        let ask = |key: &str| -> Result<Option<String>> {
            let answer = self.git().with_users_config().answer(&["config", "--get", key], b"")?;
            let value = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
            Ok((answer.code == Some(0) && !value.is_empty()).then_some(value))
        };
        let Identity { name, email } = Identity::sprag();
        Ok(Identity { name: ask("user.name")?.unwrap_or(name), email: ask("user.email")?.unwrap_or(email) })
    }

    pub(crate) fn common_dir(&self) -> &Utf8Path {
        &self.common_dir
    }

    pub(crate) fn git(&self) -> Git {
        Git::with_work_tree(&self.git_dir, &self.root)
    }

    /// git with a copy of the index, the user's ignore file, and no filter.
    fn git_with_index_copy(&self, scratch: &std::path::Path) -> Result<Git> {
        let scratch = Utf8Path::from_path(scratch)
            .ok_or_else(|| Error::PathNotUtf8 { path: scratch.to_string_lossy().into_owned() })?;
        let index = scratch.join("index");
        let real = self.git_dir.join("index");
        match std::fs::read(&real) {
            Ok(bytes) => std::fs::write(&index, bytes).map_err(Error::io("write", &index))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("read", &real)(error)),
        }
        // The time of the copy must not be later than that of the original: entries that are as old as the index
        // are the ones whose bytes git compares.
        if let (Ok(meta), Ok(file)) = (real.metadata(), std::fs::File::options().write(true).open(&index)) {
            let _ = meta.modified().and_then(|time| file.set_modified(time));
        }
        let mut git = self.git().with_index(&index);
        let asker = self.git().with_users_config();
        let answer = asker.answer(&["config", "--type=path", "--get", "core.excludesFile"], b"")?;
        if answer.code == Some(0) {
            git = git
                .with_config(format!("core.excludesFile={}", String::from_utf8_lossy(&answer.stdout).trim()));
        }
        let answer = asker.answer(&["config", "--get", "core.autocrlf"], b"")?;
        if answer.code == Some(0) {
            git =
                git.with_config(format!("core.autocrlf={}", String::from_utf8_lossy(&answer.stdout).trim()));
        }
        // A clean filter is a program, and that of LFS writes into the repository.
        let filters =
            self.git().answer(&["config", "--name-only", "-z", "--get-regexp", r"^filter\..*"], b"")?;
        for key in filters.stdout.split(|&byte| byte == 0).filter(|key| !key.is_empty()) {
            let key = String::from_utf8_lossy(key).into_owned();
            let value = if key.ends_with(".required") { "false" } else { "" };
            git = git.with_config(format!("{key}={value}"));
        }
        Ok(git)
    }

    fn is_clean_lfs(&self, git: &Git, path: &str) -> bool {
        let spec = format!(":{path}");
        git.answer(&["cat-file", "blob", &spec], b"")
            .ok()
            .and_then(|answer| lfs::Pointer::parse(&answer.stdout))
            .is_some_and(|pointer| pointer.matches_file(&self.root.join(path)))
    }
}

fn canonical(path: &str) -> Result<Utf8PathBuf> {
    Utf8Path::new(path).canonicalize_utf8().map_err(Error::io("resolve", path))
}

/// A path that git printed, as text.
pub(crate) fn text_path(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec())
        .map_err(|_| Error::PathNotUtf8 { path: String::from_utf8_lossy(bytes).into_owned() })
}
