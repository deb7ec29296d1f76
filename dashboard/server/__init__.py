"""The site: assembly, serving, sign-in, locale, security headers, assets."""
