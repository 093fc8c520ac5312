from flask import abort, current_app, request


class KeyRing:
    """An extension: unbound at import, bound in create_app."""

    def init_app(self, app):
        app.extensions["keys"] = self
        app.before_request(self.check)

    def check(self):
        if request.path == "/health":
            return
        if request.headers.get("X-API-Key") not in current_app.config["API_KEYS"]:
            abort(401)


keys = KeyRing()
