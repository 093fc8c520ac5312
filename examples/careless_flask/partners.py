"""Feeds for the wholesale partners and the payment page."""

from flask import Blueprint, abort, current_app, jsonify, request
from flask_cors import CORS

import settings
import store

partners = Blueprint("partners", __name__, url_prefix="/partners")
CORS(partners, origins="*")


@partners.route("/stock")
def stock_feed():
    key = request.args.get("api_key", "")
    if key != settings.PARTNER_KEY:
        current_app.logger.warning("partner feed refused for key %s", key)
        abort(401)
    return jsonify({book["id"]: book["stock"] for book in store.BOOKS.values()})


@partners.route("/checkout-settings")
def checkout_settings():
    return jsonify({"currency": "EUR", "payment_key": settings.PAYMENT_API_KEY})
