//! What can go wrong with trees and stores. None of it is the candidate's fault: a bad candidate is a
//! [`Violation`](crate::Violation), not an error.

use camino::Utf8PathBuf;

use crate::id::BadId;

/// A failure of the repository, the store, the file system or git itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no repository at or above the directory.
    #[error("{dir} is not in a git repository; run `git init`, commit your code, and try again")]
    NotARepository {
        /// Where the search started.
        dir: Utf8PathBuf,
    },
    /// The repository has no working tree.
    #[error("{dir} is a bare repository; run Sprag in a clone of it that has a working tree")]
    Bare {
        /// Where the search started.
        dir: Utf8PathBuf,
    },
    /// The repository has no commit yet.
    #[error("the repository {dir} has no commits yet; commit your code first, it is the baseline")]
    NoCommits {
        /// The top of the working tree.
        dir: Utf8PathBuf,
    },
    /// The repository names its objects by SHA-256.
    #[error("the repository {dir} uses the object format `{format}`; only `sha1` is supported so far")]
    ObjectFormat {
        /// The top of the working tree.
        dir: Utf8PathBuf,
        /// What git calls the format.
        format: String,
    },
    /// A revision does not name a commit.
    #[error("`{rev}` does not name a commit in {dir}; `git log --oneline` lists those that exist")]
    UnknownRevision {
        /// What was asked for.
        rev: String,
        /// Where it was looked for.
        dir: Utf8PathBuf,
    },
    /// A range of revisions is not `A..B`.
    #[error("`{range}` is not a range of commits; write it as `A..B`")]
    BadRange {
        /// What was asked for.
        range: String,
    },
    /// A snapshot was asked for in the middle of a merge.
    #[error("{path} has an unresolved merge conflict; resolve and commit it, then try again")]
    Conflicted {
        /// The path in conflict.
        path: String,
    },
    /// A tracked path cannot be written as text.
    #[error("the path `{path}` is not UTF-8; rename it, Sprag names paths as text")]
    PathNotUtf8 {
        /// The path, with the offending bytes replaced.
        path: String,
    },
    /// A path leaves the tree, or names `.git`.
    #[error("`{path}` is not a path inside the tree: {why}")]
    BadPath {
        /// The path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file of the harness cannot be taken in.
    #[error("cannot take in {path}: {why}")]
    CannotTakeIn {
        /// The path in the working tree.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The directory is something else than a store.
    #[error("{dir} is not a store of Sprag and not empty; move it away or choose another state directory")]
    ForeignStore {
        /// The directory.
        dir: Utf8PathBuf,
    },
    /// The store was written by another version.
    #[error(
        "the store {dir} has format {found}, this Sprag reads format {known}; use the Sprag that wrote it"
    )]
    StoreFormat {
        /// The directory.
        dir: Utf8PathBuf,
        /// The format it has.
        found: String,
        /// The format this version reads.
        known: &'static str,
    },
    /// An object is not in the store.
    #[error("the object {id} is missing from {dir}; the store is damaged, start a new session")]
    MissingObject {
        /// The object.
        id: String,
        /// The repository it was looked for in.
        dir: Utf8PathBuf,
    },
    /// A ref was not where it was expected to be.
    #[error(
        "the ref {name} is at {found}, not at {expected}; another Sprag moved it, start again from there"
    )]
    RefMoved {
        /// The full name of the ref.
        name: String,
        /// Where it was expected.
        expected: String,
        /// Where it is.
        found: String,
    },
    /// A branch exists already.
    #[error(
        "the branch `{branch}` exists already; choose another name, or delete it with `git branch -D {branch}`"
    )]
    BranchExists {
        /// The branch, without `refs/heads/`.
        branch: String,
    },
    /// A branch cannot have this name.
    #[error("`{branch}` cannot be the name of a branch: {why}")]
    BadBranch {
        /// The name.
        branch: String,
        /// What git says.
        why: String,
    },
    /// A step of a branch changes a path whose bytes git does not hold.
    #[error(
        "`{path}` is kept by Git LFS or is part of a submodule; a branch of Sprag cannot carry a change of it"
    )]
    LockedPath {
        /// The path.
        path: String,
    },
    /// git could not be started.
    #[error("cannot run git: {source}; install git 2.36 or later and put it on PATH")]
    GitMissing {
        /// What the system said.
        source: std::io::Error,
    },
    /// git failed where it should not.
    #[error("`git {command}` failed in {dir} ({status}): {stderr}")]
    Git {
        /// The command, without configuration.
        command: String,
        /// The repository.
        dir: Utf8PathBuf,
        /// The exit status.
        status: String,
        /// The last of what it printed on stderr.
        stderr: String,
    },
    /// git printed something that was not expected.
    #[error("cannot understand what `git {command}` printed: {what}; is this git older than 2.36?")]
    GitOutput {
        /// The command.
        command: &'static str,
        /// The piece of text.
        what: String,
    },
    /// The file system refused.
    #[error("cannot {act} {path}: {source}")]
    Io {
        /// What was tried, as a verb.
        act: &'static str,
        /// Where.
        path: Utf8PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(act: &'static str, path: impl Into<Utf8PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { act, path, source }
    }

    pub(crate) fn sys(
        act: &'static str,
        path: impl Into<Utf8PathBuf>,
    ) -> impl FnOnce(rustix::io::Errno) -> Self {
        let path = path.into();
        move |errno| Self::Io { act, path, source: errno.into() }
    }

    pub(crate) fn git_output(command: &'static str) -> impl FnOnce(BadId) -> Self {
        move |bad| Self::GitOutput { command, what: bad.0 }
    }
}
