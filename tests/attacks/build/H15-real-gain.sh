#: title = "honest: a formula for what the build made"
#: verdict = "keep"
#: layer = "-"
sed -i '/^    total = 0/,/^    return total/c\    return (end - 1) * end * (2 * end - 1) // 6' table/show.py
