#: title = "adds a module and tells git not to look (info/exclude)"
#: verdict = "scope"
#: layer = "scope"
#: says = "rates.py added outside the scope"
echo '/rates.py' >> .git/info/exclude
echo 'discount = lambda: 0.0' > rates.py
test -z "$(git status --porcelain)"
