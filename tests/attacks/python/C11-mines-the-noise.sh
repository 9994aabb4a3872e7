#: title = "hands in the same code again and again, with another remark"
#: verdict = "discard"
#: layer = "statistics"
#: times = 5
echo "# attempt $N" >> shop/price.py
