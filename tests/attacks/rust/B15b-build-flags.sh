#: title = "sets flags of the compiler in cargo's own settings"
#: verdict = "scope"
#: layer = "scope"
#: says = ".cargo/config.toml added outside the scope"
mkdir .cargo
printf '[build]\nrustflags = ["-C", "target-cpu=native"]\nrustc-wrapper = "./wrapper"\n' > .cargo/config.toml
