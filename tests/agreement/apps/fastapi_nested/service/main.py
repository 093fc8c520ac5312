from fastapi import FastAPI

from service.api import api_router

app = FastAPI()
app.include_router(api_router, prefix="/api")


@app.get("/")
def root():
    return "root"
