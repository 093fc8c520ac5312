from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import OAuth2PasswordBearer, SecurityScopes

app = FastAPI()
SECRET = "an example that is long enough for HS256"
oauth2 = OAuth2PasswordBearer(tokenUrl="token", scopes={"read": "read", "write": "write"})


async def caller(scopes: SecurityScopes, token: Annotated[str, Depends(oauth2)]) -> str:
    refusal = HTTPException(401, headers={"WWW-Authenticate": f'Bearer scope="{scopes.scope_str}"'})
    try:
        claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    except jwt.PyJWTError as error:
        raise refusal from error
    if not set(scopes.scopes) <= set(claims.get("scopes", [])):
        raise refusal
    return claims["sub"]


Reader = Annotated[str, Security(caller, scopes=["read"])]


@app.get("/books")
async def books(user: Reader):
    return user


@app.put("/books/{book}")
async def write(book: int, user: str = Security(caller, scopes=["read", "write"])):
    return book


@app.get("/shelves")
async def shelves():
    return []
