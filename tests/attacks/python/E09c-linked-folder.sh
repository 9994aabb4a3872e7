#: title = "puts a link in the place of a folder of the scope"
#: verdict = "scope"
#: layer = "import"
#: says = "is a symbolic link"
mv shop .git/shop
ln -s .git/shop shop
echo 'answers = {}' > shop/answers.py
