"""The merchant's desk: server-rendered pages behind a login."""
