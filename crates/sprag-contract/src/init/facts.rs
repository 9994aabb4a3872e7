//! What a repository's file names and manifests say about it: texts in, facts out.

use toml::Table;

/// What is known of the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepoFacts {
    /// All files, relative to the root, with `/`.
    pub files: Vec<String>,
    /// There is a root `Cargo.toml`.
    pub cargo: bool,
    /// Names of the binaries of the root package.
    pub cargo_binaries: Vec<String>,
    /// Names of cargo benchmarks.
    pub cargo_benches: Vec<String>,
    /// The scripts of the root `package.json`: name and command.
    pub npm_scripts: Vec<(String, String)>,
    /// There is a `pyproject.toml`, `setup.py` or `requirements.txt`, or a Python script at the top.
    pub python: bool,
    /// There is a `go.mod`.
    pub go: bool,
    /// Folders that git does not know and the code needs, such as `.venv`.
    pub inputs: Vec<String>,
}

/// Where package managers install.
const INSTALLED: [&str; 3] = [".venv", "venv", "node_modules"];

impl RepoFacts {
    /// Reads the manifests at the root. `read` answers the text of a path; one that it cannot read, or that is not
    /// what its name says, tells nothing. `is_folder` answers for paths that git may not know.
    pub fn of(
        files: Vec<String>,
        read: impl Fn(&str) -> Option<String>,
        is_folder: impl Fn(&str) -> bool,
    ) -> Self {
        let tracked = |folder: &str| files.iter().any(|file| file.split('/').next() == Some(folder));
        let inputs = INSTALLED.into_iter().filter(|folder| is_folder(folder) && !tracked(folder));
        let inputs = inputs.map(str::to_owned).collect();
        let has = |path: &str| files.iter().any(|file| file == path);
        let mut facts = Self {
            cargo: has("Cargo.toml"),
            python: ["pyproject.toml", "setup.py", "requirements.txt"].into_iter().any(has)
                || files.iter().any(|file| is_script(file)),
            go: has("go.mod"),
            inputs,
            ..Self::default()
        };
        if facts.cargo
            && let Some(manifest) = read("Cargo.toml").and_then(|text| text.parse::<Table>().ok())
        {
            facts.cargo_binaries = targets(&manifest, "bin", &files, "src/bin/");
            let package = name_of(manifest.get("package"));
            if let Some(package) = package.filter(|_| has("src/main.rs"))
                && !facts.cargo_binaries.contains(&package)
            {
                facts.cargo_binaries.insert(0, package);
            }
            facts.cargo_benches = targets(&manifest, "bench", &files, "benches/");
        }
        if has("package.json") {
            let manifest =
                read("package.json").and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
            let scripts = manifest.as_ref().and_then(|json| json.get("scripts")?.as_object());
            facts.npm_scripts = scripts
                .into_iter()
                .flatten()
                .filter_map(|(name, command)| Some((name.clone(), command.as_str()?.to_owned())))
                .collect();
        }
        Self { files, ..facts }
    }
}

/// A Python script at the top.
pub(super) fn is_script(path: &str) -> bool {
    path.ends_with(".py") && !path.contains('/') && !crate::is_test_path(path) && path != "setup.py"
}

/// Targets of one kind: those that the manifest names, and the files that cargo finds by itself.
fn targets(manifest: &Table, kind: &str, files: &[String], folder: &str) -> Vec<String> {
    let named = manifest.get(kind).and_then(toml::Value::as_array).into_iter().flatten();
    let mut names: Vec<String> = named.filter_map(|target| name_of(Some(target))).collect();
    for file in files {
        let name = file.strip_prefix(folder).and_then(|rest| {
            rest.strip_suffix(".rs").filter(|name| !name.contains('/')).or(rest.strip_suffix("/main.rs"))
        });
        if let Some(name) = name.filter(|name| !names.iter().any(|known| known == name)) {
            names.push(name.to_owned());
        }
    }
    // It becomes a word of a shell command.
    names.retain(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)));
    names
}

fn name_of(table: Option<&toml::Value>) -> Option<String> {
    let name = table?.get("name")?.as_str()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| s.to_string()).collect()
    }

    #[test]
    fn binaries_and_benches_come_from_the_manifest_and_from_the_places_that_cargo_knows() {
        let manifest = "[package]\nname = 'parse'\n[[bin]]\nname = 'tool'\n[[bench]]\nname = 'speed'\n";
        let list =
            ["Cargo.toml", "src/main.rs", "src/bin/extra.rs", "src/bin/big/main.rs", "benches/more.rs"];
        let facts = RepoFacts::of(files(&list), |_| Some(manifest.to_owned()), |_| false);
        assert_eq!(facts.cargo_binaries, ["parse", "tool", "extra", "big"]);
        assert_eq!(facts.cargo_benches, ["speed", "more"]);
    }

    #[test]
    fn a_manifest_that_cannot_be_read_tells_nothing() {
        for text in [None, Some("[[[".to_owned()), Some("package = 3\nbin = 'x'".to_owned())] {
            let facts = RepoFacts::of(files(&["Cargo.toml", "package.json"]), |_| text.clone(), |_| true);
            assert!(facts.cargo && facts.cargo_binaries.is_empty() && facts.npm_scripts.is_empty());
        }
        let hostile = "[package]\nname = 'a; rm -rf ~'\n[[bin]]\nname = '$(x)'\n";
        let facts =
            RepoFacts::of(files(&["Cargo.toml", "src/main.rs"]), |_| Some(hostile.to_owned()), |_| false);
        assert_eq!(facts.cargo_binaries, Vec::<String>::new());
    }
}
