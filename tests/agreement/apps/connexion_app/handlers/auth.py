KEYS = {"cx-77": "ada"}


def check_key(apikey, required_scopes=None):
    """None is a refusal."""
    if apikey in KEYS:
        return {"sub": KEYS[apikey]}
    return None
