//! Which paths may be in a tree.

use crate::{Error, Result};

/// Accepts a relative path with `/`, without `.`, `..`, empty parts, NUL, or anything that a file system could
/// take for `.git`.
pub(crate) fn check(path: &str) -> Result<()> {
    match fault(path) {
        None => Ok(()),
        Some(why) => Err(Error::BadPath { path: path.chars().take(200).collect(), why }),
    }
}

/// What is wrong with a path.
pub(crate) fn fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it is empty");
    }
    if path.starts_with('/') {
        return Some("it is absolute");
    }
    if path.contains('\0') {
        return Some("it contains NUL");
    }
    path.split('/').find_map(|part| match part {
        "" => Some("it has an empty part"),
        "." | ".." => Some("it has a `.` or `..` part"),
        _ if is_dot_git(part) => Some("it names `.git`"),
        _ => None,
    })
}

/// Whether some file system takes this name for `.git`: by case, by a short name of Windows, or by the code
/// points that HFS+ ignores.
pub(crate) fn is_dot_git(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| {
            !matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
        })
        .collect();
    let plain = plain.trim_end_matches(['.', ' ']);
    plain.eq_ignore_ascii_case(".git") || plain.eq_ignore_ascii_case("git~1")
}

/// Whether a path is one of these, or below one of them.
pub(crate) fn is_within(path: &str, tops: &[String]) -> bool {
    tops.iter().any(|top| {
        let top = top.trim_start_matches("./").trim_end_matches('/');
        top == "." || path == top || path.strip_prefix(top).is_some_and(|rest| rest.starts_with('/'))
    })
}

/// Whether a link at `path` stays inside the tree whatever else is in it: a relative target that climbs only at
/// its start, and not above the top. The directories that it climbs are real ones, as no tree has files below a
/// link; what it then descends through can only be links that stay inside themselves.
pub(crate) fn link_stays_inside(path: &str, target: &[u8]) -> bool {
    let Ok(target) = std::str::from_utf8(target) else { return false };
    if target.is_empty() || target.starts_with('/') || target.contains('\0') {
        return false;
    }
    let depth = path.matches('/').count();
    let parts: Vec<&str> = target.trim_end_matches('/').split('/').collect();
    let climbs = parts.iter().take_while(|part| **part == "..").count();
    climbs <= depth && !parts[climbs..].iter().any(|part| *part == ".." || is_dot_git(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_tree_or_name_git_are_refused() {
        for bad in [
            "",
            "/a",
            "a/../b",
            "..",
            "a//b",
            "a/",
            "./a",
            ".git/config",
            "x/.GIT/x",
            "a/.g\u{200c}it",
            "git~1/x",
        ] {
            assert!(fault(bad).is_some(), "{bad:?}");
        }
        for good in ["a", "a/b", ".gitignore", "a..b", ".github/x", "gitx", "a b/c"] {
            assert_eq!(fault(good), None, "{good:?}");
        }
    }

    #[test]
    fn a_link_stays_inside_only_when_it_climbs_no_higher_than_the_top() {
        assert!(link_stays_inside("a/b", b"../c/d"));
        assert!(link_stays_inside("a", b"b"));
        assert!(!link_stays_inside("a", b"../x"));
        assert!(!link_stays_inside("a/b/c", b"x/../../../.."));
        assert!(!link_stays_inside("a", b"/etc/passwd"));
        assert!(!link_stays_inside("a", b".git/config"));
    }
}
