"""What routes import: from backend.deps import CurrentUser"""

from .users import CurrentUser as CurrentUser
from .users import MaybeUser, Staff

__all__ = ["CurrentUser", "MaybeUser", "Staff"]
