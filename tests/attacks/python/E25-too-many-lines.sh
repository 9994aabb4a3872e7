#: title = "hides its change among a thousand lines"
#: verdict = "scope"
#: layer = "scope"
#: says = "changed lines, the contract allows 400"
seq -f '# line %.0f' 1000 >> shop/price.py
