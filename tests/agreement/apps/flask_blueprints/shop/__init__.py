from flask import Flask

from shop.admin import admin
from shop.catalogue import catalogue
from shop.orders import orders

app = Flask(__name__)
app.register_blueprint(catalogue)
app.register_blueprint(orders, url_prefix="/v1/orders")
app.register_blueprint(admin, url_prefix="/admin")
