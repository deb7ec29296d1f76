"""Files, folders, archives and object stores, read as raw records. What records mean is not known here."""
