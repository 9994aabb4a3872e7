//! The playbook of edits that do nothing is what its generator makes, and does nothing.

use std::path::Path;
use std::process::Command;

#[test]
fn a_hundred_edits_apply_and_change_nothing_that_runs() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/noop");
    let output = Command::new("python3")
        .args(["-B", "make_edits.py", "--check"])
        .current_dir(example)
        .output()
        .expect("python3 starts; `cargo xtask needs` installs it");
    let (said, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{complaint}");
    assert!(said.starts_with("100 edits: all different, all apply"), "{said}");
}
