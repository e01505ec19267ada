"""`kulanz worker`, and the demo merchant of `kulanz run`."""

from collections.abc import Mapping

import click

from gateway import config, wiring, worker
from gateway.core import clock
from gateway.core.db import WEB_ROLE
from gateway.demo import seed
from gateway.operating import Operator


@click.command("worker")
@click.pass_obj
def worker_command(operator: Operator) -> None:
    """Serve the queues and the schedule until SIGTERM."""
    wiring.configure_logging(operator.settings.log_level)
    worker.serve(operator.services, wiring.tasks(operator.services), wiring.SCHEDULE)


def seed_demo(settings: config.Settings, known: Mapping[str, str]) -> Mapping[str, str]:
    """The demo merchant for `kulanz run`, made or found."""
    opened = wiring.open_services(settings, role=WEB_ROLE)
    wiring.install_listeners()
    try:
        return seed.shown(seed.seed(opened, clock.now(), known))
    finally:
        opened.db.engine.dispose()
        opened.cache.close()
