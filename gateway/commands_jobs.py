"""`kulanz jobs`: work that failed for good, and another chance for it."""

import click
from sqlalchemy import select

from gateway.command_line import AS_JSON, OperatorContext, tell
from gateway.core.ids import to_public
from gateway.core.work import DeadJob, replay_dead

SHOWN = 200


@click.group()
def jobs() -> None:
    """Work that failed for good."""


@jobs.command("dead")
@AS_JSON
@click.pass_obj
def dead_command(operator: OperatorContext, *, as_json: bool) -> None:
    """List dead jobs, the newest first; the 200 newest.

    \b
    Example: kulanz jobs dead
    """
    with operator.services.db.transaction(None) as session:
        dead = session.scalars(select(DeadJob).order_by(DeadJob.died_at.desc(), DeadJob.id.desc()).limit(SHOWN))
        rows = [
            {
                "id": job.id,
                "task": job.task,
                "merchant": to_public("mer", job.merchant_id) if job.merchant_id else None,
                "attempts": job.attempts,
                "error": job.last_error,
                "died": job.died_at,
            }
            for job in dead
        ]
    tell(rows, as_json=as_json)


@jobs.command("replay")
@click.argument("ids", nargs=-1, type=int)
@click.option("--task", default="", help="Every dead job of this task, at most 500 at a time.")
@AS_JSON
@click.pass_obj
def replay_command(operator: OperatorContext, *, ids: tuple[int, ...], task: str, as_json: bool) -> None:
    """Give dead jobs all their attempts again. One that is queued anew already is only taken off the list.

    \b
    Example: kulanz jobs replay 4711
    Example: kulanz jobs replay --task inbox.handle
    """
    if bool(ids) == bool(task):
        raise click.UsageError("give either ids or --task")
    with operator.services.db.transaction(None) as session:
        if task:
            of_task = select(DeadJob.id).where(DeadJob.task == task).order_by(DeadJob.id).limit(500)
            ids = tuple(session.scalars(of_task))
        replayed = replay_dead(session, ids)
    tell({"replayed": replayed}, as_json=as_json)
