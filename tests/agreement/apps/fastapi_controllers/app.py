from fastapi import FastAPI

from controllers import BookController, OrderController

app = FastAPI()
for controller in (BookController(), OrderController()):
    app.include_router(controller.router)
