from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from secrets import compare_digest

security = HTTPBasic()


def admin(credentials: HTTPBasicCredentials = Depends(security)):
    right = compare_digest(credentials.username.encode(), b"admin")
    if not (right and compare_digest(credentials.password.encode(), b"an example")):
        raise HTTPException(401, headers={"WWW-Authenticate": "Basic"})


admin_app = FastAPI(dependencies=[Depends(admin)])


@admin_app.get("/users")
def users():
    return []
