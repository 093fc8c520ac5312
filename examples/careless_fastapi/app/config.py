"""Settings of the orders service."""

import os

JWT_SECRET = "pV3xK8sQ1nM6tB9wR4yL7cZ2hJ5dF0gAeTuo"
WAREHOUSE_API_KEY = "whk_live_2mXv9QpLr7Tz4NcYb8Ks6WdH"
PARTNER_KEY = os.getenv("PARTNER_KEY", "")
ADMIN_KEY = os.environ.get("ADMIN_KEY")
