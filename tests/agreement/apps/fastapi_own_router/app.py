from fastapi import FastAPI

from kit import OpenRouter, Router

app = FastAPI()
private = Router("/private")
public = OpenRouter("/public")


@private.get("/diary")
def diary():
    return "diary"


@private.action("/burn/{page}")
def burn(page: int):
    return page


@public.get("/fair")
def fair():
    return "fair"


app.include_router(private)
app.include_router(public)
