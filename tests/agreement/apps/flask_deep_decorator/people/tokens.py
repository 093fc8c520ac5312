from people.refusal import refuse

MEMBERS = {"Bearer m-991": {"name": "ada", "role": "keeper"}}


def lookup(header):
    member = MEMBERS.get(header)
    if not member:
        refuse(401)
    return member
