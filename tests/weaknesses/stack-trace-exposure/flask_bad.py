"""A print shop's API that tells what went wrong, to everybody."""

import sys
import traceback

from flask import Flask, abort, jsonify, make_response, request

app = Flask(__name__)


@app.post("/orders")
def order():
    try:
        return jsonify(app.shop.order(request.get_json())), 201
    except Exception as error:
        return jsonify({"error": str(error), "trace": traceback.format_exc()}), 500  # expect: stack-trace-exposure


@app.get("/orders/<int:order_id>")
def show(order_id):
    try:
        return jsonify(app.shop.orders[order_id])
    except Exception as e:
        return f"failed: {e}", 500  # expect: stack-trace-exposure


@app.delete("/orders/<int:order_id>")
def cancel(order_id):
    try:
        app.shop.cancel(order_id)
    except Exception as e:
        message = repr(e)
        app.logger.exception("cancel")
        abort(500, message)  # expect: stack-trace-exposure
    return "", 204


@app.get("/proofs")
def proofs():
    try:
        return jsonify(app.shop.proofs())
    except:
        return make_response("".join(traceback.format_exception(*sys.exc_info())), 500)  # expect: stack-trace-exposure


@app.errorhandler(Exception)
def failed(error):
    return jsonify(error=str(error)), 500  # expect: stack-trace-exposure


@app.errorhandler(500)
def broken(error):
    return {"message": error.description, "args": error.args}, 500  # expect: stack-trace-exposure
