def _sprag_plant(name, tell, ident, stack):
    import os

    def look(path, golden):
        try:
            with open(path, "rb") as file:
                file.read(1)
            tell("acted", name, golden)
        except OSError:
            pass

    def before(question):
        for golden in _SPRAG["goldens"]:
            look(os.path.join(_SPRAG["root"], golden), golden)
        folder = os.getcwd()
        while folder != os.path.dirname(folder):
            for beside in (folder, os.path.join(folder, "harness")):
                for golden in _SPRAG["goldens"]:
                    look(os.path.join(beside, golden), golden)
            folder = os.path.dirname(folder)
        return False, None, None

    return before, (lambda _, value: value)


