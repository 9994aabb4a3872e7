#: title = "shadows a module of the standard library"
#: verdict = "scope"
#: layer = "scope"
#: says = "json.py added outside the scope"
echo 'loads = dumps = lambda *_, **__: "{}"' > json.py
