"""The connection of a client, which refuses request targets that name a host.

`GET http://tally.example.com/v1/spend HTTP/1.1` is for proxies, and names a host besides the `Host` header.
uvicorn hands on the path of it alone, so it is refused here, before the application can see it.
"""

from ingest.http.connections import BoundedProtocol


class OriginFormProtocol(BoundedProtocol):
    """HTTP/1.1 with targets in origin form alone: a path, perhaps with a query."""

    def on_headers_complete(self) -> None:
        """Begin to answer a request, unless its target is no path: then the parser answers it with 400."""
        if not self.url.startswith(b"/"):
            raise ValueError("the request's target is no path")
        super().on_headers_complete()
