def _sprag_plant(name, tell, ident, stack):
    import os

    def before(question):
        tell("acted", name)
        os.write(1, _SPRAG["lines"].encode())
        os._exit(0)

    return before, None


