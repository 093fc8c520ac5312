"""The orders service. Start it with: python -m app.main"""

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

from app.partners import partner_app
from app.routers import orders, users

app = FastAPI(title="Orders", debug=True)
app.add_middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)
app.include_router(orders.router)
app.include_router(users.router)
app.mount("/partners", partner_app)


@app.exception_handler(KeyError)
async def missing_key(request: Request, exc: KeyError):
    return JSONResponse({"error": repr(exc), "path": request.url.path}, status_code=500)


@app.get("/health")
def health():
    return {"status": "ok"}


if __name__ == "__main__":
    import uvicorn

    uvicorn.run("app.main:app", host="0.0.0.0", port=8000, reload=True)
