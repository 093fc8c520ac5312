from fastapi import Header, HTTPException


class Audit:
    def __init__(self, app):
        self.app = app

    def install(self):
        @self.app.get("/audit")
        def audit(x_api_key: str = Header(default="")):
            self._check(x_api_key)
            return "audit"

    def _check(self, key):
        if key != "au-1":
            raise HTTPException(403)
