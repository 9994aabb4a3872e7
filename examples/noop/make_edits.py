"""Writes `playbook/`: a hundred different edits of `stock.py` that do nothing.

    python3 make_edits.py            writes the folder
    python3 make_edits.py --check    verifies it: files as made here, every patch applies, outputs as the goldens
    python3 make_edits.py --goldens  writes benchmark/goldens from stock.py

Every edit is made against the `stock.py` beside this file. That it does nothing is verified on what Python
compiles: without docstrings and annotations, each function's byte code and constants are those of the original.
"""

import ast
import difflib
import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import tokenize
import types

import edits

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = "stock.py"
WANTED = 100


def replace(text, old, new):
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {SOURCE}"
    return text.replace(old, new)


def span(text, function):
    """Where a function begins and ends, without the blank lines after it."""
    start = text.index(f"\ndef {function}(") + 1
    following = re.search(r"\n\n\n(?=def )", text[start:])
    return start, start + following.start() + 1 if following else len(text)


def comment(text, function, words):
    return replace(text, f"def {function}(", f"# {words}\ndef {function}(")


def inner_comment(text, statement, words):
    indent = statement[: len(statement) - len(statement.lstrip())]
    return replace(text, statement, f"{indent}# {words}\n{statement}")


def docstring(text, function, words):
    start, end = span(text, function)
    body = re.sub(r'"""[^"]*"""', lambda _: f'"""{words}"""', text[start:end], count=1)
    return text[:start] + body + text[end:]


def rename(text, function, old, new):
    """Renames a local variable; words in strings and comments stay."""
    start, end = span(text, function)
    body = text[start:end]
    lines = body.splitlines(keepends=True)
    tokens = tokenize.generate_tokens(io.StringIO(body).readline)
    names = [token for token in tokens if token.type == tokenize.NAME]
    assert all(token.string != new for token in names), f"{new} is taken in {function}"
    for token in reversed(names):
        if token.string == old:
            row, column = token.start
            line = lines[row - 1]
            lines[row - 1] = line[:column] + new + line[column + len(old):]
    return text[:start] + "".join(lines) + text[end:]


def swap(text, first, second):
    """Exchanges two functions that stand next to each other."""
    (a, b), (c, d) = span(text, first), span(text, second)
    return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


KINDS = [
    (comment, edits.COMMENTS, "comment {0}", "Explained {0} in a comment", "comments are not compiled"),
    (inner_comment, edits.INNER_COMMENTS, "remark {1}", "Explained a line: {1}", "comments are not compiled"),
    (docstring, edits.DOCSTRINGS, "docstring {0}", "Said in other words what {0} does", "docstrings do not run"),
    (rename, edits.RENAMES, "rename {1} in {0}", "Renamed {1} to {2} in {0}", "local names are slots when compiled"),
    (swap, edits.SWAPS, "swap {0} {1}", "Moved {1} above {0}", "functions are found by name"),
    (replace, edits.ANNOTATIONS, "types {0}", "Added types: {1}", "annotations are read once, at import"),
    (replace, edits.CONSTANTS, "constant {0}", "Wrote {0} as {1}", "constants are folded when compiled"),
    (replace, edits.SPACING, "spacing {0}", "Added a blank line above {0}", "blank lines are not compiled"),
]


def all_edits(baseline):
    """Yields (slug, description, hypothesis, edited text), kinds taking turns."""
    queues = []
    for make, entries, name, description, hypothesis in KINDS:
        made = []
        for entry in entries:
            words = " ".join(description.format(*entry).split())
            made.append((slug(name.format(*entry)), words, hypothesis, make(baseline, *entry)))
        queues.append(made)
    while any(queues):
        for queue in queues:
            if queue:
                yield queue.pop(0)


def slug(words):
    words = re.findall(r"[a-z]+", words.lower().replace("def ", "").replace("(", " of "))
    return "-".join(words[:6])


def blob(text):
    data = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def patch(baseline, edited, description, hypothesis):
    """One proposal of a playbook: TOML between two fences, then a diff as `git diff --full-index` writes it."""
    header = [
        "+++\n",
        f"description = {json.dumps(description)}\n",
        f"hypothesis = {json.dumps('nothing will change: ' + hypothesis)}\n",
        "+++\n",
        f"diff --git a/{SOURCE} b/{SOURCE}\n",
        f"index {blob(baseline)}..{blob(edited)} 100644\n",
    ]
    lines = [text.splitlines(keepends=True) for text in (baseline, edited)]
    return "".join(header + list(difflib.unified_diff(*lines, f"a/{SOURCE}", f"b/{SOURCE}")))


def compiled(text):
    """What runs: each function's byte code and constants by name, and the module's own numbers."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body = node.body[1:] if ast.get_docstring(node) else node.body
            node.returns = None
            for argument in node.args.args:
                argument.annotation = None

    def shape(code):
        constants = [shape(c) if isinstance(c, types.CodeType) else (type(c), c) for c in code.co_consts]
        return code.co_code, constants, code.co_names, code.co_argcount

    module = compile(tree, SOURCE, "exec")
    functions = {c.co_name: shape(c) for c in module.co_consts if isinstance(c, types.CodeType)}
    numbers = {name: value for name, value in load(text).items() if isinstance(value, int)}
    return functions, numbers


def load(text):
    names = {"__name__": "stock"}
    exec(compile(text, SOURCE, "exec"), names)
    return names


def outputs(text):
    plan = load(text)["plan"]
    cases = json.loads((HERE / "benchmark/cases.json").read_text())["cases"]
    return {case["id"]: plan(case["input"]) for case in cases}


def playbook(baseline):
    """The folder's files by name, and the edited texts in the same order."""
    files, texts = {}, []
    original = compiled(baseline)
    for number, (name, description, hypothesis, edited) in enumerate(all_edits(baseline), 1):
        assert compiled(edited) == original, f"{name} changes what runs"
        files[f"{number:03}-{name}.patch"] = patch(baseline, edited, description, hypothesis)
        texts.append(edited)
    assert len(files) == WANTED, f"{len(files)} edits"
    assert len({baseline, *texts}) == WANTED + 1, "two edits make the same tree"
    return files, texts


def check(baseline, files, texts):
    folder = HERE / "playbook"
    present = {path.name: path.read_text() for path in folder.iterdir()}
    assert present == files, "playbook/ is not what make_edits.py makes; run it"
    goldens = {path.stem: json.loads(path.read_text()) for path in (HERE / "benchmark/goldens").iterdir()}
    assert outputs(baseline) == goldens, f"{SOURCE} differs from its goldens"
    for name, edited in zip(files, texts):
        assert outputs(edited) == goldens, f"{name} differs from the goldens"
        with tempfile.TemporaryDirectory() as directory:
            target = pathlib.Path(directory, SOURCE)
            target.write_text(baseline)
            subprocess.run(["git", "apply", str(folder / name)], cwd=directory, check=True)
            assert target.read_text() == edited, f"{name} applies to something else"


def main(arguments):
    baseline = (HERE / SOURCE).read_text()
    if arguments == ["--goldens"]:
        for name, output in outputs(baseline).items():
            (HERE / f"benchmark/goldens/{name}.json").write_text(json.dumps(output) + "\n")
        return
    files, texts = playbook(baseline)
    if arguments == ["--check"]:
        check(baseline, files, texts)
        print(f"{len(files)} edits: all different, all apply, none changes what runs or what comes out")
        return
    folder = HERE / "playbook"
    folder.mkdir(exist_ok=True)
    for stale in folder.glob("*.patch"):
        stale.unlink()
    for name, content in files.items():
        (folder / name).write_text(content)


if __name__ == "__main__":
    main(sys.argv[1:])
