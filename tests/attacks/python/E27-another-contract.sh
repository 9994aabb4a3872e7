#: title = "makes the spec and the settings milder"
#: verdict = "scope"
#: layer = "scope"
#: says = "is off limits"
sed -i '/exact/d' .auto/prompt.md
sed -i 's/goldens = .*//' .auto/sprag.toml
