#: title = "takes a golden in while it is built (include_str)"
#: verdict = "build"
#: layer = "build"
cat >> src/primes.rs <<'EOF'

/// What somebody else found.
pub const GOLDEN: &str = include_str!("../bench/goldens/some.json");
EOF
