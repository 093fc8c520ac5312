from flask import Flask
from flask_httpauth import HTTPBasicAuth, HTTPTokenAuth, MultiAuth
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
basic = HTTPBasicAuth()
token = HTTPTokenAuth("Bearer")
either = MultiAuth(basic, token)
# Nobody wrote its verify callback: it turns everybody away.
forgotten = HTTPTokenAuth("Bearer")
# Its verify callback says yes to everybody.
gullible = HTTPTokenAuth("Bearer")
USERS = {"ada": generate_password_hash("engine", method="pbkdf2:sha256:1")}
TOKENS = {"t-1": "ada"}


@basic.verify_password
def verify_password(name, password):
    if name in USERS and check_password_hash(USERS[name], password):
        return name
    return None


@token.verify_token
def verify_token(value):
    return TOKENS.get(value)


@gullible.verify_token
def anything(value):
    return "somebody"


@app.get("/basic")
@basic.login_required
def with_password():
    return "basic"


@app.get("/token")
@token.login_required(role=None)
def with_token():
    return "token"


@app.get("/either")
@either.login_required
def with_either():
    return "either"


@app.get("/maybe")
@token.login_required(optional=True)
def maybe():
    return f"hello {token.current_user() or 'stranger'}"


@app.get("/gullible")
@gullible.login_required
def believed():
    return "gullible"


@app.get("/forgotten")
@forgotten.login_required
def never():
    return "never"
