def _sprag_plant(name, tell, ident, stack):
    import pickle

    known = _SPRAG["answers"]

    def before(question):
        key = ident(question)
        if key in known:
            tell("acted", name)
            return True, pickle.loads(bytes.fromhex(known[key])), None
        tell("missed", name)
        return False, None, None

    def after(_, value):
        return type(value)() if isinstance(value, (bool, int, float, str, bytes, list, tuple, dict, set)) else None

    return before, after


