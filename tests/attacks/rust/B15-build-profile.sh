#: title = "turns the optimizer up in the manifest"
#: verdict = "scope"
#: layer = "scope"
#: says = "Cargo.toml changed outside the scope"
printf '\n[profile.release]\nlto = true\npanic = "abort"\n' >> Cargo.toml
