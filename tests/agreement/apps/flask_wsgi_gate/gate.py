import hmac


class KeyGate:
    """WSGI middleware: nobody gets past it without the key."""

    def __init__(self, app, key):
        self.app = app
        self.key = key

    def __call__(self, environ, start_response):
        given = environ.get("HTTP_X_API_KEY", "")
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            start_response("401 Unauthorized", [("Content-Type", "text/plain")])
            return [b"unknown key"]
        return self.app(environ, start_response)


class Timing:
    """Another wrapper, which is no gate."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        environ["shop.started"] = 0
        return self.app(environ, start_response)
