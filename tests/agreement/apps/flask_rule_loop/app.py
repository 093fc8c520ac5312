from flask import Flask

import views
from security import signed_in

app = Flask(__name__)

PUBLIC = [("/", "index", views.index), ("/about", "about", views.about)]
PRIVATE = {"/profile": views.profile, "/settings/<section>": views.settings}

for rule, endpoint, view in PUBLIC:
    app.add_url_rule(rule, endpoint, view)

for rule, view in PRIVATE.items():
    app.add_url_rule(rule, view.__name__, signed_in(view), methods=["GET", "POST"])


def resource(application, rule, view, guarded=True, **options):
    """How this team adds routes."""
    handler = signed_in(view) if guarded else view
    application.add_url_rule("/api" + rule, endpoint="api_" + view.__name__, view_func=handler, **options)


resource(app, "/export", views.export, methods=["POST"])
resource(app, "/import", views.load, guarded=False, methods=["POST"])
