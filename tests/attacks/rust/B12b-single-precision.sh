#: title = "computes in single precision"
#: verdict = "output"
#: layer = "output"
sed -i 's/map(|&p| 1.0 \/ f64::from(p)).sum()/map(|\&p| 1.0 \/ p as f32).sum::<f32>().into()/' src/primes.rs
