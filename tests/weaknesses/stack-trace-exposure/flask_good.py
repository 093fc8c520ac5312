"""A print shop's API that keeps what went wrong to itself."""

import logging
import traceback

from flask import Flask, abort, jsonify, request
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

logger = logging.getLogger(__name__)
app = Flask(__name__)


@app.post("/orders")
def order():
    try:
        return jsonify(app.shop.order(request.get_json())), 201
    except ValidationError as error:
        return jsonify(error.messages), 422  # ok: stack-trace-exposure
    except Exception:
        logger.exception("order failed")
        return jsonify(error="internal error"), 500  # ok: stack-trace-exposure


@app.get("/orders/<int:order_id>")
def show(order_id):
    try:
        return jsonify(app.shop.orders[order_id])
    except KeyError as e:
        logger.info("no order: %s", e)
        abort(404, "no such order")  # ok: stack-trace-exposure


@app.errorhandler(HTTPException)
def refused(error):
    return jsonify(error=error.description), error.code  # ok: stack-trace-exposure


@app.errorhandler(Exception)
def failed(error):
    reference = app.failures.store(traceback.format_exc())
    logger.error("failed: %s", error)
    return jsonify(error="internal error", reference=reference), 500  # ok: stack-trace-exposure


@app.errorhandler(404)
def missing(error):
    return jsonify(error=str(error)), 404  # ok: stack-trace-exposure


def parse(text):
    try:
        return int(text)
    except Exception as error:
        return str(error)  # ok: stack-trace-exposure
