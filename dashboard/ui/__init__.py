"""The kit that pages are built from: the state in the address, filters, charts, tables. No page."""
