//! Gathers the bundled examples for `sprag demo`: their files, without what running them leaves behind.

use std::fs;
use std::path::Path;

const LEFT_BEHIND: [&str; 5] = [".venv", "__pycache__", "log.jsonl", "ideas.md", ".git"];

fn main() {
    // Asked now and not when this script was compiled: a checkout may have been moved since.
    let here = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let root = Path::new(&here).join("../../examples");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    for example in ["thematic", "noop"] {
        let to = Path::new(&out).join(example);
        let _ = fs::remove_dir_all(&to);
        copy(&root.join(example), &to).unwrap_or_else(|e| panic!("cannot gather the example {example}: {e}"));
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    // A folder changes when a file comes or goes; a file when its bytes do. Watching the top alone would also watch
    // what is left behind.
    println!("cargo::rerun-if-changed={}", from.display());
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if LEFT_BEHIND.iter().any(|left| name == *left) {
            continue;
        }
        let (from, to) = (entry.path(), to.join(&name));
        if kind.is_dir() {
            copy(&from, &to)?;
        } else if kind.is_file() {
            println!("cargo::rerun-if-changed={}", from.display());
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
