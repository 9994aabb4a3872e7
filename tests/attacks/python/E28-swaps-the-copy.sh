#: title = "puts a link to somewhere else in the place of its copy"
#: verdict = "scope"
#: layer = "import"
#: says = "the copy itself is a symbolic link"
here=$PWD
cp -a . "$here.mine"
cd ..
rm -rf "$here"
ln -s "$OUTSIDE" "$here" || mv "$here.mine" "$here"
