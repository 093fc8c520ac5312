from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from admin import admin_app
from public import public_app
from wrapped import partner_app

app = FastAPI()
app.mount("/static", StaticFiles(directory=".", check_dir=False), name="static")
app.mount("/admin", admin_app)
app.mount("/public/", app=public_app)
app.mount("/partners/{partner}", partner_app)


@app.get("/")
def root():
    return "root"
