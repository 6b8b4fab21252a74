"""What only the holder of the admin token may do."""

import hmac

from dispatcher.web.asking import AnyRequest
from dispatcher.web.engine import engine_of
from dispatcher.web.problems import Refuse


def admin_only(request: AnyRequest) -> None:
    """Raises Refuse (401) unless the admin token came as Bearer."""
    token = engine_of(request).settings.admin_token
    given = request.headers.get("authorization", "")
    if not token or not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        raise Refuse(401, "Unauthorized", "this needs the admin token as Bearer")
