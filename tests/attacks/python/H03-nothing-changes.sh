#: title = "honest: the same work in other words"
#: verdict = "discard"
#: layer = "statistics"
sed -i 's/\bother\b/another/g' shop/price.py
