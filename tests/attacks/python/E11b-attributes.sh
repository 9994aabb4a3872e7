#: title = "hides an answer in an extended attribute"
#: verdict = "scope"
#: layer = "import"
#: says = "has extended attributes"
echo '# a remark' >> shop/price.py
python3 -c 'import os; os.setxattr("shop/price.py", "user.answer", b"42")' || exit 77
