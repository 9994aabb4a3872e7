#: title = "honest: a comment"
#: verdict = "discard"
#: layer = "statistics"
echo '// Below 2 there are none.' >> src/primes.rs
