from werkzeug.exceptions import Forbidden, Unauthorized


def refuse(code):
    raise Unauthorized() if code == 401 else Forbidden()
