import os

from flask import Flask

import ostiary
from ostiary.flask import Guard, public, require, webhook

app = Flask(__name__)
Guard(app, store="memory://", pepper=os.environ["PEPPER"], https="off", policy_file=None, failures=None)


@app.get("/signed")
@require("payments:write", signed=True)
def signed():
    return "paid"


@app.get("/tenant")
@require(signed=["x-tenant"])
def tenant():
    return "paid"


@app.get("/either")
@require(schemes=["api-key", "signed"])
def either():
    return "paid"


@app.post("/github")
@webhook("github", secret=ostiary.secret("GITHUB_SECRET"))
def github():
    return "taken"


@app.get("/public")
@public("a shop window")
def shown():
    return "shown"
