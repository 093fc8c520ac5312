from flask import Flask
from flask.views import MethodView, View

from auth import login_required, staff_required


class Base(MethodView):
    """Every API view of this project is private."""

    decorators = [login_required]


class Orders(Base):
    def get(self):
        return {"orders": []}

    def post(self):
        return {"made": True}


class Order(Base):
    init_every_request = False

    def get(self, number):
        return {"number": number}

    def delete(self, number):
        return {"deleted": number}


class Catalogue(MethodView):
    def get(self):
        return {"books": []}

    @staff_required
    def put(self):
        return {"changed": True}


class Page(View):
    methods = ["GET", "POST"]

    def __init__(self, name):
        self.name = name

    def dispatch_request(self):
        return self.name


class PrivatePage(Page):
    decorators = (login_required,)


app = Flask(__name__)
app.add_url_rule("/orders/", view_func=Orders.as_view("orders"))
app.add_url_rule("/orders/<int:number>", view_func=Order.as_view("order"))
app.add_url_rule("/catalogue", view_func=Catalogue.as_view("catalogue"))
app.add_url_rule("/imprint", view_func=Page.as_view("imprint", "imprint"))
app.add_url_rule("/account", view_func=PrivatePage.as_view("account", "account"))
