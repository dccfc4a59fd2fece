"""Who may ask what: addresses, authentication, roles, limits and the audit log."""
