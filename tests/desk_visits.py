"""A visitor of the desk for tests: reads the form's proof from the page and posts it back, as a browser would."""

import re

from gateway.core import clock
from gateway.merchants import users
from gateway.merchants.models import Role
from tests.builders import a_world

PASSWORD = "three green lanterns"
_PROOF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def a_user(services, world, role=Role.OWNER, email="ina@example.com", password=PASSWORD):
    """A user of this merchant who has set his password."""
    with services.db.transaction(world.merchant_id) as session:
        invited = users.invite(session, services.keyring, users.NewUser(email, "Ina Inhaber", role), clock.now())
        if password:
            users.set_password(session, services.keyring, invited.user_id, password, clock.now())
    return invited


class Visitor:
    """One browser."""

    def __init__(self, app):
        self.client = app.test_client()

    def proof(self, page="/admin/login"):
        return _PROOF.search(self.client.get(page).text).group(1)

    def sign_in(self, email="ina@example.com", password=PASSWORD, **more):
        form = {"email": email, "password": password, "csrf_token": self.proof()} | more
        return self.client.post("/admin/login", data=form)

    def get(self, path, **more):
        return self.client.get(path, **more)

    def post(self, path, form=None, page="/admin/lists"):
        return self.client.post(path, data={"csrf_token": self.proof(page)} | (form or {}))


def signed_in(app, services, role=Role.OWNER, **shop):
    """A world and a visitor signed in to its desk."""
    world = a_world(services, **shop)
    a_user(services, world, role)
    visitor = Visitor(app)
    assert visitor.sign_in().status_code == 302
    return world, visitor
