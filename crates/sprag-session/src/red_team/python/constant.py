def _sprag_plant(name, tell, ident, stack):
    first, acted = [], []

    def after(_, value):
        if not first:
            first.append(value)
        elif not acted and ident(first[0]) != ident(value):
            acted.append(tell("acted", name))
        return first[0]

    return (lambda question: (False, None, None)), after


