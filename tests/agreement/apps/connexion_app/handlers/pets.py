def search():
    return []


def post():
    return {"made": True}, 201


def get(pet_id):
    return {"id": pet_id}


def health():
    return "ok"
