from fastapi import FastAPI

import plugins
from plugins import audit, shop


def build() -> FastAPI:
    application = FastAPI()
    plugins.register(application)
    shop.setup(application, prefix="/shop")
    audit.Audit(application).install()
    return application


app = build()
