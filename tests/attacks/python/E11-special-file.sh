#: title = "leaves a pipe that blocks whoever reads it"
#: verdict = "scope"
#: layer = "import"
#: says = "is a pipe, socket or device"
mkfifo shop/pipe.py
