from flask import Blueprint

api = Blueprint("api", __name__)


@api.get("/sales")
def sales():
    return {"sales": 0}


@api.delete("/sales/<day>")
def forget(day):
    return {"forgotten": day}
