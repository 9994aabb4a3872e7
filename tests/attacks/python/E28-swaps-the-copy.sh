#: title = "puts a link to somewhere else in the place of its copy"
#: verdict = "lost or scope"
#: layer = "- or import"
#: limit = "a copy that is no folder any more ends the session with an error, where it should be a violation of the scope"
here=$PWD
cp -a . "$here.mine"
cd ..
rm -rf "$here"
ln -s "$OUTSIDE" "$here" || mv "$here.mine" "$here"
