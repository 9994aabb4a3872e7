//! Reads a number, and prints how many primes are below it and their harmonic sum.

mod primes;

fn main() {
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::stdin(), &mut text).expect("a number");
    let (count, sum) = primes::below(text.trim().parse().expect("a number"));
    println!("{count} {sum:.12}");
}
