//! The paths of `[workspace]`: one way of writing each, and none that leaves the repository.

use super::Workspace;

/// A path that cannot be used: the key it stands under, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misplaced {
    pub(super) key: &'static str,
    pub(super) path: String,
}

impl Workspace {
    /// Writes every path relative to the repository, without `.` and `..`.
    pub(super) fn settle(&mut self) -> Result<(), Misplaced> {
        let refuse = |key, path: &str| Misplaced { key, path: path.to_owned() };
        self.root = normal(&self.root).ok_or_else(|| refuse("root", &self.root))?;
        // What lies beside the package is written from there, as a path in a manifest of the package is.
        for path in &mut self.include {
            let from_package = path.starts_with("./") || path.starts_with("../");
            let whole = if from_package { format!("{}/{path}", self.root) } else { path.clone() };
            *path = normal(&whole).ok_or_else(|| refuse("include", path))?;
        }
        for (key, list) in [("read", &mut self.read), ("cache", &mut self.cache)] {
            for path in list {
                *path = normal(path).filter(|path| path != ".").ok_or_else(|| refuse(key, path))?;
            }
        }
        Ok(())
    }

    /// The folders and files that are copied; empty for the whole repository.
    pub fn copied(&self) -> Vec<String> {
        if self.root == "." || self.include.iter().any(|path| path == ".") {
            return Vec::new();
        }
        std::iter::once(&self.root).chain(&self.include).cloned().collect()
    }

    /// A path of the repository as a command that runs in the package has to write it: `../../.auto/measure.sh`.
    pub fn path_in_package(&self, path: &str) -> String {
        if self.root == "." {
            return format!("./{path}");
        }
        match path.strip_prefix(&self.root).and_then(|rest| rest.strip_prefix('/')) {
            Some(inside) => format!("./{inside}"),
            None => format!("{}{path}", "../".repeat(self.root.split('/').count())),
        }
    }

    /// The path of the repository that a command in the package means by `word`; `None` where it is none.
    pub fn to_repository(&self, word: &str) -> Option<String> {
        normal(&format!("{}/{word}", self.root)).filter(|path| !word.starts_with('/') && path != ".")
    }
}

/// A relative path without `.`, `..` and empty parts; `.` for the top; `None` where it leaves it.
pub(crate) fn normal(path: &str) -> Option<String> {
    if path.starts_with(['/', '~']) || path.contains(['\\', '\0']) {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(root: &str, include: &[&str]) -> Result<Workspace, Misplaced> {
        let include = include.iter().map(|s| s.to_string()).collect();
        let mut workspace = Workspace { root: root.to_owned(), include, ..Workspace::default() };
        workspace.settle().map(|()| workspace)
    }

    #[test]
    fn includes_are_written_from_the_repository_or_with_dots_from_the_package() {
        let workspace = package("./packages/api/", &["../sibling", "packages/types/", "./x"]).unwrap();
        assert_eq!(workspace.root, "packages/api");
        assert_eq!(
            workspace.copied(),
            ["packages/api", "packages/sibling", "packages/types", "packages/api/x"]
        );
        assert_eq!(package(".", &["x"]).unwrap().copied(), Vec::<String>::new());
        assert_eq!(package("", &[]).unwrap().root, ".");
    }

    #[test]
    fn what_leaves_the_repository_is_refused() {
        let refused = |key, path: &str| Err(Misplaced { key, path: path.to_owned() });
        assert_eq!(package("../x", &[]), refused("root", "../x"));
        assert_eq!(package("/x", &[]), refused("root", "/x"));
        assert_eq!(package("a", &["../../x"]), refused("include", "../../x"));
    }

    #[test]
    fn a_command_in_the_package_finds_the_harness_at_the_top() {
        let workspace = package("packages/api", &[]).unwrap();
        assert_eq!(workspace.path_in_package(".auto/measure.sh"), "../../.auto/measure.sh");
        assert_eq!(workspace.path_in_package("packages/api/bench.sh"), "./bench.sh");
        assert_eq!(workspace.to_repository("../../.auto/measure.sh").as_deref(), Some(".auto/measure.sh"));
        assert_eq!(workspace.to_repository("bench.sh").as_deref(), Some("packages/api/bench.sh"));
        assert_eq!(workspace.to_repository("/bin/sh"), None);
        assert_eq!(workspace.to_repository("../../../x"), None);
        assert_eq!(package(".", &[]).unwrap().path_in_package("a.sh"), "./a.sh");
    }
}
