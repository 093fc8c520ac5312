from apiflask import APIBlueprint, APIFlask, HTTPTokenAuth
from flask.views import MethodView

auth = HTTPTokenAuth(scheme="Bearer")
TOKENS = {"tk-2f7a": "ada"}


@auth.verify_token
def verify(token):
    return TOKENS.get(token)


app = APIFlask(__name__, title="Shop")
stock = APIBlueprint("stock", __name__, url_prefix="/stock")


@app.get("/")
def index():
    return {"hello": "all"}


@app.get("/me")
@app.auth_required(auth)
def me():
    return {"name": auth.current_user}


@stock.post("/<int:item>")
@stock.auth_required(auth, roles=["keeper"])
def change(item):
    return {"item": item}


class Shelf(MethodView):
    def get(self, row):
        return {"row": row}

    @stock.auth_required(auth)
    def delete(self, row):
        return {"cleared": row}


stock.add_url_rule("/shelf/<int:row>", view_func=Shelf.as_view("shelf"))
private = APIBlueprint("private", __name__, url_prefix="/private")


@private.before_request
@app.auth_required(auth)
def everything():
    """No view of this blueprint without a token."""


@private.get("/ledger")
def ledger():
    return {"total": 0}


app.register_blueprint(stock)
app.register_blueprint(private)
