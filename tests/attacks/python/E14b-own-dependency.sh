#: title = "brings a dependency of its own into the copy"
#: verdict = "discard"
#: layer = "statistics"
rm -rf deps
mkdir deps
echo 'discount = lambda: 0.0' > deps/rates.py
echo '# a remark' >> shop/price.py
