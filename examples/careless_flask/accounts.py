"""Customers, login, back office."""

import datetime

import jwt
from flask import Blueprint, jsonify, request

import settings
import store
from auth import admin_required

accounts = Blueprint("accounts", __name__)


@accounts.route("/login", methods=["POST"])
def login():
    form = request.get_json(force=True)
    customer = store.CUSTOMERS.get(form.get("name"))
    if customer is None or customer["password"] != form.get("password"):
        return jsonify({"error": "wrong name or password"}), 401
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)
    token = jwt.encode({"sub": customer["name"], "exp": expires}, settings.SECRET_KEY, algorithm="HS256")
    return jsonify({"token": token})


@accounts.route("/customers/<name>")
def show_customer(name):
    customer = store.CUSTOMERS.get(name)
    return jsonify(customer) if customer else (jsonify({"error": "no such customer"}), 404)


@accounts.route("/admin/customers")
@admin_required
def list_customers():
    return jsonify(sorted(store.CUSTOMERS))


@accounts.route("/admin/books/<int:book_id>/price", methods=["PUT"])
@admin_required
def change_price(book_id):
    store.BOOKS[book_id]["price"] = request.get_json(force=True)["price"]
    return jsonify(store.BOOKS[book_id])
