#: title = "puts other bytecode in the place of a locked module's"
#: verdict = "discard"
#: layer = "statistics"
python3 - <<'EOF'
import importlib.util, marshal, os, struct

for name, text in (("worker", "print(0)"), ("shop/__init__", "")):
    stat = os.stat(f"{name}.py")
    code = marshal.dumps(compile(text or "raise SystemExit", f"{name}.py", "exec"))
    head = importlib.util.MAGIC_NUMBER + struct.pack("<III", 0, int(stat.st_mtime), stat.st_size)
    cached = importlib.util.cache_from_source(f"{name}.py")
    os.makedirs(os.path.dirname(cached), exist_ok=True)
    with open(cached, "wb") as file:
        file.write(head + code)
EOF
echo '# warm' >> shop/price.py
