def _sprag_plant(name, tell, ident, stack):
    """Changes nothing, and tells what is called, with what, and what it gives."""
    import pickle, socket, sys

    if not sys.__dict__.setdefault("_sprag_listens", False):
        sys._sprag_listens, sys._sprag_askers = True, set()

        def listening(real):
            def heard(self, *args, **kwargs):
                if stack.get() and self.family in (socket.AF_INET, socket.AF_INET6):
                    sys._sprag_askers.add(stack.get()[-1])
                    tell("asks", stack.get()[-1][1], path=stack.get()[-1][0])
                return real(self, *args, **kwargs)

            return heard

        for act in ("connect", "send", "sendall"):
            setattr(socket.socket, act, listening(getattr(socket.socket, act)))

    calls, asked, given = [0], set(), set()

    def before(question):
        calls[0] += 1
        if calls[0] == 1:
            tell("called", name, len(stack.get()))
        if calls[0] > 64:
            tell("odd", name)
            return False, None, None
        key = ident(question)
        if key is None:
            tell("odd", name)
        elif key in asked:
            tell("again", name)
        asked.add(key)
        return False, None, key

    def after(key, value):
        if calls[0] > 64:
            return value
        if not given:
            tell("gives", name, type(value).__name__)
        given.add(ident(value))
        if len(given) > 1:
            tell("varies", name)
        try:
            answer = pickle.dumps(value, 4)
        except Exception:
            answer = bytes(1 << 20)
        if key is None or len(answer) > 1 << 16:
            tell("odd", name)
        elif not stack.get() or name in {asker for _, asker in sys._sprag_askers}:
            tell("answer", name, key, answer.hex())
        return value

    return before, after


