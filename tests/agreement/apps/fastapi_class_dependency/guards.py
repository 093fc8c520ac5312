from fastapi import Header, HTTPException, Request

ROLES = {"c-1": "reader", "c-2": "staff"}


class RoleGuard:
    """An instance is the dependency."""

    def __init__(self, *roles: str):
        self.roles = roles

    def __call__(self, x_api_key: str = Header("")) -> str:
        role = ROLES.get(x_api_key)
        if role is None:
            raise HTTPException(401)
        if role not in self.roles:
            raise HTTPException(403)
        return role


class Caller:
    """The class is the dependency."""

    def __init__(self, request: Request):
        self.name = ROLES.get(request.cookies.get("session", ""))
        if not self.name:
            raise HTTPException(401)


class Counter:
    def __init__(self, page: int = 1):
        self.page = page


class Keyring:
    def require(self, request: Request) -> str:
        return self._find(request.headers.get("X-API-Key"))

    def _find(self, key):
        try:
            return ROLES[key]
        except KeyError as error:
            raise HTTPException(401) from error


keyring = Keyring()
