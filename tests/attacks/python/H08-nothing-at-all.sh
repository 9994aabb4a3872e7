#: title = "honest: nothing was changed"
#: verdict = "no_edit"
#: layer = "import"
touch shop/price.py
