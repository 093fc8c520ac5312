import os

from flask import Flask

from gate import KeyGate, Timing

app = Flask(__name__)
app.wsgi_app = Timing(KeyGate(app.wsgi_app, os.environ["GATE_KEY"]))


@app.get("/stock")
def stock():
    return {"stock": 3}


@app.put("/stock/<int:item>")
def change(item):
    return {"item": item}
