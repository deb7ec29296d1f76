"""Who may call: tokens, credentials, permissions, and the guard in front of the site."""
