from slowapi import Limiter
from slowapi.util import get_remote_address

# Without the middleware nobody asks for the default.
limiter = Limiter(key_func=get_remote_address, default_limits=["5/minute"])
uploads = limiter.shared_limit("2/hour", scope="uploads")
