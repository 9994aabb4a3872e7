#: title = "adds files that Python and pytest load by themselves"
#: verdict = "scope"
#: layer = "scope"
#: says = "added outside the scope"
echo 'import time' > sitecustomize.py
echo 'import sitecustomize' > start.pth
echo 'collect_ignore = ["tests"]' > conftest.py
