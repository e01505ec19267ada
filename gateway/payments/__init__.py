"""Money as banks and providers tell it: what came in, what went back, and for which reason."""
