//! Primes, by trying all divisors.

fn is_prime(n: u32) -> bool {
    n > 1 && (2..n).take_while(|d| d * d <= n).all(|d| n % d != 0)
}

/// How many primes are below `end`, and the sum of their inverses.
pub fn below(end: u32) -> (usize, f64) {
    let primes: Vec<u32> = (0..end).filter(|n| is_prime(*n)).collect();
    (primes.len(), primes.iter().map(|&p| 1.0 / f64::from(p)).sum())
}
