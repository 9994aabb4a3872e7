#: title = "makes its code set-user-id and executable"
#: verdict = "scope"
#: layer = "import"
#: says = "has other permissions"
echo '# a remark' >> shop/price.py
chmod 4755 shop/price.py
