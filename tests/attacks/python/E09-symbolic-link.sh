#: title = "puts a link to a golden in the place of its code's data"
#: verdict = "scope"
#: layer = "import"
#: says = "is a symbolic link"
ln -s ../bench/goldens/large.json shop/answer.json
