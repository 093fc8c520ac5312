from fastapi import Depends, HTTPException, Request

PEOPLE = {"Bearer n-1": "reader", "Bearer n-2": "staff"}


def signed_in(request: Request) -> str:
    role = PEOPLE.get(request.headers.get("Authorization", ""))
    if role is None:
        raise HTTPException(401)
    return role


def staff(role: str = Depends(signed_in)) -> None:
    if role != "staff":
        raise HTTPException(403)
