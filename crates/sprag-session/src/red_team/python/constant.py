def _sprag_plant(name, tell, ident, stack):
    first = []

    def after(_, value):
        if not first:
            first.append(value)
        elif ident(first[0]) != ident(value):
            tell("acted", name)
        return first[0]

    return (lambda question: (False, None, None)), after


