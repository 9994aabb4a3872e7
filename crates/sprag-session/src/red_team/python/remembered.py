def _sprag_plant(name, tell, ident, stack):
    import copy

    known = {}

    def before(question):
        key = ident(question)
        if key in known:
            tell("acted", name)
            return True, copy.deepcopy(known[key]), None
        return False, None, key

    def after(key, value):
        if key is not None:
            known[key] = copy.deepcopy(value)
        return value

    return before, after


