from fastapi import HTTPException


class Verifier:
    def __init__(self, people):
        self._people = people

    def verify(self, token):
        person = self._people.get(token)
        if person is None:
            raise HTTPException(status_code=401, detail="unknown token")
        return person

    def admin(self, token):
        return self._people.get(token, {}).get("admin", False)
