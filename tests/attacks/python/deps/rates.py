"""A dependency that both sides share."""


def discount():
    return 0.1
