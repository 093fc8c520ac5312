class NotAllowed(Exception):
    """The app answers it with 401."""


PEOPLE = {"bc-4": "ada"}


def person_of(request):
    token = request.headers.get("X-API-Key")
    if token not in PEOPLE:
        raise NotAllowed
    return PEOPLE[token]
