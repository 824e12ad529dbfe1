"""`knobo concepts`: the bank of a run, to read and to change."""

import typer

from pipelines.commands import concept_changes, concept_exchange, concept_reading, concept_review
from pipelines.commands.default_verb import DefaultVerb

app = typer.Typer(
    cls=DefaultVerb.to("list"),
    no_args_is_help=True,
    help="Read and change a run's concepts; `knobo concepts RUN` stands for `knobo concepts list RUN`.",
)
app.command("list")(concept_reading.list_)
app.command()(concept_reading.show)
app.command()(concept_reading.check)
app.command()(concept_reading.history)
app.command()(concept_changes.edit)
app.command()(concept_changes.merge)
app.command()(concept_changes.drop)
app.command()(concept_changes.add)
app.command()(concept_changes.accept)
app.command()(concept_changes.cite)
app.command(context_settings={"ignore_unknown_options": True})(concept_changes.sign)  # `-1` is a sign
app.command()(concept_changes.undo)
app.command()(concept_changes.restore)
app.command()(concept_review.review)
app.command()(concept_exchange.diff)
app.command()(concept_exchange.export)
app.command("import")(concept_exchange.import_)
