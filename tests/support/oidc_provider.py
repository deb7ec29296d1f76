"""A provider of identities: a real server of OpenID Connect that knows ada."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses an older part of Authlib
    import oidc_provider_mock


@contextmanager
def provider(**claims: Any) -> Iterator[str]:
    """The issuer, as long as the server runs."""
    user = oidc_provider_mock.User(sub="ada", claims={"email": "ada@example.com", **claims})
    with oidc_provider_mock.run_server_in_thread(user_claims=[user]) as server:
        yield f"http://127.0.0.1:{server.server_port}"
