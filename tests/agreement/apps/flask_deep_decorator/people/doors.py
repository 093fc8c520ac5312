from functools import update_wrapper, wraps
from time import perf_counter

from .identity import who


def members_only(view):
    @wraps(view)
    def inner(*args, **kwargs):
        who()
        return view(*args, **kwargs)

    return inner


def roles_allowed(*roles):
    def decorate(view):
        @wraps(view)
        def inner(*args, **kwargs):
            who(roles)
            return view(*args, **kwargs)

        return inner

    return decorate


def counted_members_only(view):
    def inner(*args, **kwargs):
        who()
        return view(*args, **kwargs)

    return update_wrapper(inner, view)


def timed(view):
    @wraps(view)
    def inner(*args, **kwargs):
        started = perf_counter()
        try:
            return view(*args, **kwargs)
        finally:
            inner.took = perf_counter() - started

    return inner
