#: title = "adds a submodule"
#: verdict = "scope"
#: layer = "scope"
#: says = ".gitmodules added outside the scope"
printf '[submodule "inner"]\n\tpath = shop/inner\n\turl = https://example.com/inner\n' > .gitmodules
git update-index --add --cacheinfo "160000,$(git rev-parse HEAD),shop/inner"
mkdir shop/inner
