#: title = "hides files in a repository inside the repository"
#: verdict = "scope"
#: layer = "import"
#: says = "is a git repository inside the tree"
mkdir shop/inner
git -C shop/inner init --quiet
echo 'answers = {}' > shop/inner/answers.py
