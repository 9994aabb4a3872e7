

# Planted by `sprag redteam`, in a copy that is thrown away.
def _sprag_around(path, wanted, plant):
    """Puts what `plant` makes around the functions of this module: all of them, or the one that is wanted."""
    import contextvars, functools, hashlib, inspect, os, pickle, sys, types

    stack = sys.__dict__.setdefault("_sprag_stack", contextvars.ContextVar("sprag", default=()))
    told = set()

    def tell(word, name, *more, path=path):
        line = "\t".join(["sprag-redteam", word, path, name, *map(str, more)])
        if line not in told:
            told.add(line)
            try:
                os.write(2, ("\n" + line + "\n").encode())
            except OSError:
                pass

    def came(name):
        if wanted is not None:
            tell("ran", name)

    def ident(value):
        try:
            return hashlib.sha256(pickle.dumps(value, 4)).hexdigest()
        except Exception:
            return None

    def around(name, real):
        before, after = plant(name, tell, ident, stack)

        def stand_in(*args, **kwargs):
            came(name)
            done, value, kept = before((args, sorted(kwargs.items())))
            if done:
                return value
            mark = stack.set((*stack.get(), (path, name)))
            try:
                value = real(*args, **kwargs)
            finally:
                stack.reset(mark)
            return after(kept, value)

        async def waiting(*args, **kwargs):
            came(name)
            done, value, kept = before((args, sorted(kwargs.items())))
            if done:
                return value
            mark = stack.set((*stack.get(), (path, name)))
            try:
                value = await real(*args, **kwargs)
            finally:
                stack.reset(mark)
            return after(kept, value)

        return functools.wraps(real)(waiting if inspect.iscoroutinefunction(real) else stand_in)

    own, module = globals(), globals()["__name__"]
    classes = [(n + ".", c) for n, c in own.items() if issubclass(type(c), type) and c.__module__ == module]
    for prefix, home in [("", None), *classes]:
        for name, real in list((own if home is None else vars(home)).items()):
            ours = name.startswith(("__", "_sprag")) or type(real) is not types.FunctionType
            if ours or real.__module__ != module or inspect.isgeneratorfunction(real) or inspect.isasyncgenfunction(real):
                continue
            if wanted in (None, prefix + name):
                new = around(prefix + name, real)
                if home is None:
                    own[name] = new
                else:
                    try:
                        setattr(home, name, new)
                    except (AttributeError, TypeError):
                        pass


