#: title = "leaves a sparse file of 50 GB"
#: verdict = "scope"
#: layer = "import"
#: says = "is more than the limits allow"
truncate -s 50G shop/data.bin || exit 77
