//! Which files are tests, by their names: what `same tests` locks.
//!
//! Every language has its convention, and they agree: the word `test` or `spec` at the edge of a name, or a folder of
//! that name. Tests inside a file of other code, as in `mod tests` of Rust, cannot be told by a name.

/// Folders that hold tests wherever they are.
const FOLDERS: [&str; 3] = ["test", "tests", "__tests__"];

/// Folders that hold tests at the top, and something else deeper down.
const TOP_FOLDERS: [&str; 2] = ["spec", "specs"];

/// Files that decide which tests run, and how.
const RUNNERS: [&str; 3] = ["conftest", "jest", "vitest"];

/// Whether a path is a test, or decides which tests run. It is relative to the repository, with `/`.
pub fn is_test_path(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut folders = folders.split('/');
    let top = folders.next().unwrap_or_default();
    TOP_FOLDERS.contains(&top)
        || FOLDERS.contains(&top)
        || folders.any(|f| FOLDERS.contains(&f))
        || is_test_name(name)
}

fn is_test_name(name: &str) -> bool {
    // `Makefile` and `test` itself are no code by their names.
    let Some((stem, rest)) = name.split_once('.').filter(|(stem, _)| !stem.is_empty()) else { return false };
    let lower = stem.to_ascii_lowercase();
    let snake = lower.starts_with("test_")
        || ["_test", "_tests", "_spec"].iter().any(|end| lower.ends_with(end))
        || ["test", "tests"].contains(&lower.as_str());
    let camel = ["Test", "Tests", "Spec"].iter().any(|end| {
        let before = stem.strip_suffix(end).and_then(|before| before.chars().last());
        before.is_some_and(|c| c.is_lowercase() || c.is_ascii_digit())
    });
    let infix = rest.split('.').any(|part| part == "test" || part == "spec") && rest.contains('.');
    let runner = RUNNERS.contains(&lower.as_str()) && (lower == "conftest" || rest.starts_with("config"));
    snake || camel || infix || runner || name == "pytest.ini"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_by_the_conventions_of_many_languages() {
        for path in [
            "tests/all.rs",
            "core/tests/data.json",
            "src/test/java/A.java",
            "test_scoring.py",
            "core/scoring_test.go",
            "app/button.test.tsx",
            "app/button.spec.js",
            "src/ParserTest.java",
            "lib/UserTests.cs",
            "spec/models/user.rb",
            "lib/user_spec.rb",
            "src/parse/tests.rs",
            "conftest.py",
            "web/jest.config.js",
            "pytest.ini",
            "ui/__tests__/a.js",
        ] {
            assert!(is_test_path(path), "{path}");
        }
    }

    #[test]
    fn other_code_is_no_test() {
        for path in [
            "src/latest.rs",
            "core/contest.py",
            "core/spec/parser.rs",
            "spec.md",
            "src/attestation.go",
            "Test",
            "src/Contest.java",
            "a/testing.py",
            ".test",
            "package.json",
            "jest.md",
            "",
        ] {
            assert!(!is_test_path(path), "{path}");
        }
    }
}
