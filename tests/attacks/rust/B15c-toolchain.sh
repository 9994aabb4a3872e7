#: title = "asks for another compiler"
#: verdict = "scope"
#: layer = "scope"
#: says = "rust-toolchain.toml added outside the scope"
printf '[toolchain]\nchannel = "nightly"\n' > rust-toolchain.toml
