def _sprag_plant(name, tell, ident, stack):
    types = {t.__name__: t for t in (bool, int, float, str, bytes, list, tuple, dict, set)}

    def before(question):
        tell("acted", name)
        return True, types[_SPRAG["gives"]]() if _SPRAG["gives"] in types else None, None

    return before, None


