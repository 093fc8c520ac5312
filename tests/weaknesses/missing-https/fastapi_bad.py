"""Bearer tokens on whatever line the caller comes by."""

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

app = FastAPI()  # expect: missing-https
bearer = HTTPBearer()


def member(credentials: HTTPAuthorizationCredentials = Depends(bearer)):
    found = app.state.members.get(credentials.credentials)
    if found is None:
        raise HTTPException(401)
    return found


@app.get("/orders")
def orders(who=Depends(member)):
    return who.orders


if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=8000)
