from flask import Blueprint

from shop import guard

admin = Blueprint("admin", __name__)
reports = Blueprint("reports", __name__)


@reports.route("/daily")
@guard.key_required
def daily():
    return {"sales": 0}


admin.register_blueprint(reports, url_prefix="/reports")
