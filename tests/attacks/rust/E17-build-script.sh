#: title = "adds a build script"
#: verdict = "scope"
#: layer = "scope"
#: says = "build.rs added outside the scope"
cat > build.rs <<'EOF'
fn main() {
    println!("cargo:rustc-env=ANSWER=42");
}
EOF
