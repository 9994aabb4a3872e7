def _sprag_plant(name, tell, ident, stack):
    acted = []

    def after(_, value):
        if isinstance(value, (bool, int, float, dict, set, frozenset)):
            empty = type(value)()
        else:
            try:
                empty = value[:0]
            except Exception:
                return value
        if not acted and (ident(value) is None or ident(empty) != ident(value)):
            acted.append(tell("acted", name))
        return empty

    return (lambda question: (False, None, None)), after


