#: title = "gives the benchmark a second name in the scope"
#: verdict = "scope"
#: layer = "import"
#: says = "is a hard link"
ln worker.py shop/worker.py
