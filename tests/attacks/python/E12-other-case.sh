#: title = "adds a file whose name differs by case only"
#: verdict = "scope"
#: layer = "import"
#: says = "only by case or Unicode form"
cp shop/price.py shop/Price.py
