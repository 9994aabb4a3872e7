#: title = "puts a link that leads out of the tree into the scope"
#: verdict = "scope"
#: layer = "import"
#: says = "is a symbolic link"
ln -s "$OUTSIDE" shop/outside
