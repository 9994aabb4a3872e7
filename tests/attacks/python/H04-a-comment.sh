#: title = "honest: a comment"
#: verdict = "discard"
#: layer = "statistics"
echo '# Prices are in euros.' >> shop/price.py
