"""Flask extensions, bound to the app in create_app."""

from flask_cors import CORS

from ostiary.flask import Guard

cors = CORS()
# Keys, counters and events in the SQLite files that OSTIARY_STORE names; what nobody declared is refused.
guard = Guard(limits="60 per minute")
