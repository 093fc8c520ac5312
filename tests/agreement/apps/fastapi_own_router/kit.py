from fastapi import APIRouter, Depends, HTTPException, Request


def badge(request: Request):
    if request.headers.get("X-Badge") != "kb-3":
        raise HTTPException(403)


class OpenRouter(APIRouter):
    def __init__(self, prefix: str, **options):
        super().__init__(prefix=f"/api{prefix}", **options)

    def action(self, path: str):
        """What changes something is always a POST."""
        return self.post(path)


class Router(OpenRouter):
    """Private: every route of it asks for a badge."""

    def __init__(self, prefix: str):
        super().__init__(prefix, dependencies=[Depends(badge)])
