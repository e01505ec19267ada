"""The readable page of the API: made from its own description, served from here, no CDN."""
