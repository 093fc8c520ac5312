from flask import request

from people import tokens
from people.refusal import refuse


def who(roles=None):
    member = _resolve(request.headers.get("Authorization"))
    if roles and member["role"] not in roles:
        refuse(403)
    return member


def _resolve(header):
    return tokens.lookup(header)
