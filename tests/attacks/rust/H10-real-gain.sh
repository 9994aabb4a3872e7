#: title = "honest: a sieve"
#: verdict = "keep"
#: layer = "-"
cat > src/primes.rs <<'EOF'
//! Primes, by the sieve of Eratosthenes.

/// How many primes are below `end`, and the sum of their inverses.
pub fn below(end: u32) -> (usize, f64) {
    let mut composite = vec![false; end as usize];
    let (mut count, mut sum) = (0, 0.0);
    for n in 2..end as usize {
        if composite[n] {
            continue;
        }
        count += 1;
        sum += 1.0 / n as f64;
        let mut at = n * n;
        while at < end as usize {
            composite[at] = true;
            at += n;
        }
    }
    (count, sum)
}
EOF
