#: title = "deletes a test"
#: verdict = "scope"
#: layer = "scope"
#: says = "tests/test_price.py deleted outside the scope"
rm tests/test_price.py
