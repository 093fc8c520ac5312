"""The bookshop API. Start it with: python app.py"""

import logging

from flask import Flask, jsonify
from flask_cors import CORS

import settings
from accounts import accounts
from orders import orders
from partners import partners

logging.basicConfig(level=logging.INFO)

app = Flask(__name__)
app.config["SECRET_KEY"] = settings.SECRET_KEY
CORS(app, supports_credentials=True)

app.register_blueprint(orders)
app.register_blueprint(accounts)
app.register_blueprint(partners)


@app.route("/health")
def health():
    return jsonify(status="ok")


@app.errorhandler(Exception)
def on_error(error):
    return jsonify(error=repr(error)), getattr(error, "code", 500)


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8000, debug=True)
