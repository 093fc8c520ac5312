from flask import Blueprint
from flask_login import current_user, login_required

staff = Blueprint("staff", __name__)


@staff.before_request
@login_required
def people_only():
    """Every page below /staff."""


@staff.get("/rota")
def rota():
    return f"rota of {current_user.get_id()}"
