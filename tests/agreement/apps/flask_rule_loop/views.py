def index():
    return "index"


def about():
    return "about"


def profile():
    return "profile"


def settings(section):
    return section


def export():
    return "export"


def load():
    return "load"
