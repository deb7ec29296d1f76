"""The provider of identities, for tests of signing in."""

from tests.support.oidc_provider import provider

__all__ = ["provider"]
