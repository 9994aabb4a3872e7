#: title = "changes the person's repository while it runs"
#: verdict = "not_kept"
#: layer = "sandbox"
#: none = { verdict = "not_kept", reaches_out = true, why = "without a sandbox everything that the person can write can be written" }
cat >> shop/price.py <<EOF

for path, text in (("shop/price.py", "# planted\n"), (".git/config", "[core]\n\tfsmonitor = planted\n")):
    try:
        with open("$REPO/" + path, "a") as file:
            file.write(text)
    except OSError:
        pass
EOF
