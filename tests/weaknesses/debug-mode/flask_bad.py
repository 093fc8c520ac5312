"""Started on the server with: python service.py"""

import os

from flask import Flask, jsonify

DEBUG_ON = True


class ProductionConfig:
    DEBUG = True  # expect: debug-mode
    PAGE_SIZE = 50


os.environ["FLASK_DEBUG"] = "1"  # expect: debug-mode
app = Flask(__name__)
app.config.from_object(ProductionConfig)
reports = Flask("reports")
reports.config["DEBUG"] = True  # expect: debug-mode
feeds = Flask("feeds")
feeds.debug = True  # expect: debug-mode


@app.route("/")
def index():
    return jsonify(ok=True)


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8000, debug=DEBUG_ON)  # expect: debug-mode
