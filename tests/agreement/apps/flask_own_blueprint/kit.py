from flask import Blueprint, Flask, abort, request

BADGES = {"b-204"}


def check_badge():
    if request.headers.get("X-Badge") not in BADGES:
        abort(403)


class Service(Flask):
    """The project's own application class."""


class Area(Blueprint):
    """A blueprint that is private unless it says otherwise."""

    def __init__(self, name, import_name, open_to_all=False, **options):
        super().__init__(name, import_name, **options)
        if not open_to_all:
            self.before_request(check_badge)

    def view(self, rule, *methods):
        return self.route(rule, methods=list(methods))
