#: title = "has the compiler read a private file (include_str)"
#: verdict = "build"
#: layer = "build"
#: none = { verdict = "discard", why = "without a sandbox a build reads what the person can read" }
cat >> src/primes.rs <<EOF

/// What somebody wrote down.
pub const PRIVATE: &str = include_str!("$OUTSIDE/private.txt");
EOF
