from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser

TOKENS = {"Bearer sp-1": ("ada", ["authenticated", "admin"])}


class TokenBackend(AuthenticationBackend):
    """Says who it is; who may what is said by @requires."""

    async def authenticate(self, conn):
        known = TOKENS.get(conn.headers.get("Authorization"))
        if known is None:
            return None
        return AuthCredentials(known[1]), SimpleUser(known[0])
