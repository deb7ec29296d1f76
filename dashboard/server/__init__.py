"""The site: assembly, serving, sign-in, security headers."""
