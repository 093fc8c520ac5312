from flask_login import LoginManager, UserMixin

login_manager = LoginManager()
login_manager.login_view = "pages.login"


class User(UserMixin):
    def __init__(self, name):
        self.id = name


USERS = {"ada": User("ada")}


@login_manager.user_loader
def load(name):
    return USERS.get(name)
