KEYS = {"hm-7": "shop"}


def known(key):
    return key is not None and key in KEYS
