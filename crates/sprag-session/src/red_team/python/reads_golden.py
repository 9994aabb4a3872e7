def _sprag_plant(name, tell, ident, stack):
    import os

    def before(question):
        folder = os.getcwd()
        while folder != os.path.dirname(folder):
            for beside in (folder, os.path.join(folder, "harness")):
                for golden in _SPRAG["goldens"]:
                    try:
                        with open(os.path.join(beside, golden), "rb") as file:
                            file.read(1)
                        tell("acted", name, golden)
                    except OSError:
                        pass
            folder = os.path.dirname(folder)
        return False, None, None

    return before, (lambda _, value: value)


