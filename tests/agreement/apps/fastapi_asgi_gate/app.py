from fastapi import FastAPI

from gate import TokenGate

app = FastAPI()
app.add_middleware(TokenGate, token="ag-551", exempt=("/health",))


@app.get("/health")
def health():
    return "ok"


@app.get("/jobs")
def jobs():
    return []


@app.post("/jobs/{job}")
def start(job: int):
    return job
