"""An embedding server and a web app over one Space: other people's dialects at the door, our own routes under /x/.

Imported where it is needed only: it wants the packages of the extra `serve`.
"""

import semascope.ops

for _name in ("msgspec", "starlette", "uvicorn", "prometheus_client"):
    semascope.ops.need(_name, extra="serve")
