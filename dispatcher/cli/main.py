"""`liandong` and its groups of commands."""

import typer

from dispatcher.cli import deadletters, desk, erasing, importing, processes, questions, replaying, rules, topics

app = typer.Typer(
    name="liandong",
    help="Liandong (联动) routes citizen reports to the department or team that must act, and runs its clocks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
processes.add_to(app)
desk.add_to(app)
questions.add_to(app)
importing.add_to(app)
replaying.add_to(app)
erasing.add_to(app)
app.add_typer(deadletters.app, name="deadletters")
app.add_typer(rules.app, name="rules")
app.add_typer(topics.app, name="topics")


def main() -> None:
    app()
