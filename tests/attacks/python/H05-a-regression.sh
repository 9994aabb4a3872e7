#: title = "honest: it got slower"
#: verdict = "discard or control"
#: layer = "statistics or control"
sed -i 's/    ranks = ranks_of(prices)/    ranks_of(prices)\n    ranks = ranks_of(prices)/' shop/price.py
