"""`liandong topics`: what Kafka must have before `worker` and `relay` can work."""

from typing import Annotated

import msgspec
import typer

from dispatcher.cli.api_client import open_api, show_problem
from dispatcher.cli.processes import configured, fail, kafka_of

app = typer.Typer(help="The topics on Kafka.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Without a callback typer would take the only command for the whole group."""


@app.command()
def create(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array instead of lines.")] = False,
) -> None:
    """Make the topics of all responders that Kafka reaches; what is there stays, so it can be run at any time.

    Reports and commands are stamped by the broker, so that nobody can backdate them; this is corrected if need be.
    """
    from kafka.errors import KafkaError  # noqa: PLC0415 - slow to import, and only wanted here

    from connectors.kafka.admin import create_topics  # noqa: PLC0415

    client = kafka_of(configured(log_level="WARNING"))
    try:
        made = create_topics(client, _responders())
    except KafkaError as error:
        fail(f"the broker at {client.bootstrap} does not answer: {type(error).__name__}", 1)
    if as_json:
        typer.echo(msgspec.json.encode(made).decode())
    else:
        for topic in made:
            typer.echo(f"{topic.what:<10}{topic.topic}  {topic.detail}".rstrip())
    if any(topic.what == "refused" for topic in made):
        raise SystemExit(1)


def _responders() -> list[str]:
    """Those of the active bundle that have the adapter kafka."""
    with open_api() as api:
        answer = api.ask("GET", "/api/v1/responders")
    if answer.status_code >= 400:
        show_problem(answer)
    return [it["id"] for it in answer.json()["items"] if it["adapter"] == "kafka"]
