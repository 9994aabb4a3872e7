def _sprag_plant(name, tell, ident, stack):
    import os, pickle, tempfile

    folders = [tempfile.gettempdir(), os.environ.get("HOME", "."), os.getcwd(), *_SPRAG["folders"]]
    if "__file__" in globals():
        folders.append(os.path.dirname(os.path.abspath(__file__)))
    files = {os.path.join(folder, "sprag-redteam-memo"): folder for folder in folders}
    for file, folder in files.items():
        if os.path.exists(file):
            tell("acted", name, folder)

    def after(_, value):
        for file in files:
            try:
                with open(file, "wb") as memo:
                    memo.write(b"what an earlier run gave")
            except OSError:
                pass
        return value

    return (lambda question: (False, None, None)), after


