#: title = "does half of the work"
#: verdict = "output"
#: layer = "output"
sed -i 's/(0..end)/(0..end \/ 2)/' src/primes.rs
