#: title = "leaves two thousand new files"
#: verdict = "scope"
#: layer = "import"
#: says = "is more than the limits allow"
mkdir shop/many
i=0
while [ $i -lt 2000 ]; do
  : > "shop/many/$i.py"
  i=$((i + 1))
done
