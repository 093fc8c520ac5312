"""Settings of the bookshop API. TODO move the rest of this to the environment before the summer sale."""

import os

SECRET_KEY = "w8Jq2vN5rT0zYb7LxC4mHd9KsG6pF3uE1aQi"
PAYMENT_API_KEY = "bkpay_live_7Hq2ZtR9wXc4VnL8sYd3Jf6M"
PARTNER_KEY = os.environ.get("PARTNER_KEY", "")
ADMIN_TOKEN = os.environ.get("ADMIN_TOKEN")
PAGE_SIZE = 50
