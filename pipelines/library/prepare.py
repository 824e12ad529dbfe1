"""Makes a local copy of a public data set ready: a manifest, a link to the images, a configuration."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models.datasets.library import DataSet, ImageColumns
from models.datasets.library.findings import UNCERTAIN, exclusive_labels, mentioned_labels
from models.datasets.library.manifest_file import write_manifest
from models.files import write_text
from pipelines.errors import PipelineError
from pipelines.library.choice import Choice, require_effect, strength_of
from pipelines.library.configuration import Shift, configuration_of
from pipelines.library.paper_split import CellCount, labels_and_cells, scarce, shift_of_paper
from pipelines.progress import Reporter, SilentReporter

LINK, UNPACKED = "files", "unpacked"
SUFFIXES = {"parquet": ".parquet", "csv": ".csv"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was written.

    Attributes:
        manifest: The table.
        configuration: The TOML file.
        images: Rows of the table.
        missing: Images that the owner's tables name and that were not at hand.
        labelled: Rows with a label; of a recipe, those to which it gives one.
        complete: Whether the configuration is whole; else it is one section to paste.
        lacks: What has to be put in before `knobo run` can use it, a sentence each.
        cells: What the four cells of a recipe hold; empty without one.
    """

    manifest: Path
    configuration: Path
    images: int
    missing: int
    labelled: int
    complete: bool
    lacks: tuple[str, ...] = ()
    cells: tuple[CellCount, ...] = ()


def prepare(
    data_set: DataSet, source: Path, out: Path, *, choice: Choice, reporter: Reporter | None = None
) -> Prepared:
    """Reads the copy at `source` and writes table and configuration into `out`; the copy is left as it is.

    Raises:
        ModelsError: Not the layout of that set, or none of its images.
        PipelineError: A class, attribute or value that the copy has not, a recipe one of whose cells it
            leaves empty, a choice that would have no effect, a folder that cannot be written into, or that
            holds another configuration.
    """
    reporter = reporter or SilentReporter()
    name = data_set.facts.name
    require_effect(choice, name)
    manifest = out / f"{name}{suffix_of(choice.table)}"
    require_apart(source, out)
    root = unpacked(data_set, source, out, reporter)
    columns = data_set.read(root)
    chosen = labelled(columns.at_hand(), choice)
    shift = shift_of(chosen, choice)
    if shift is None and (choice.reports or choice.beside):
        raise PipelineError("--reports and --beside need images of two classes or more; leave them out")
    labels, cells = labels_and_cells(chosen, choice)
    made = configuration_of(
        data_set.facts,
        chosen,
        manifest=manifest,
        shift=shift,
        reports=choice.reports,
        beside=choice.beside,
    )
    configuration = out / f"{name}.toml"
    require_unedited(configuration, made.text)
    write_manifest(manifest, chosen, under=link_to(root, out), progress=reporter.work("prepare", "images"))
    write_text(configuration, made.text)
    return Prepared(
        manifest=manifest,
        configuration=configuration,
        images=len(chosen),
        missing=len(columns) - len(chosen),
        labelled=sum(1 for label in labels if label),
        complete=shift is not None,
        lacks=(*made.lacks, *scarce(cells, choice)),
        cells=cells,
    )


def require_unedited(configuration: Path, text: str) -> None:
    """Refuse to write over a configuration that says something else: it may have been edited."""
    if configuration.exists() and configuration.read_bytes() != text.encode():
        raise PipelineError(
            f"{configuration} is there and differs from what would be written; "
            "move it away or give another OUT"
        )


def require_apart(source: Path, out: Path) -> None:
    """Refuse to write into what is no folder, or into the copy, where it would be read again."""
    if out.exists() and not out.is_dir():
        raise PipelineError(f"{out} is a file; give a folder to write into")
    if source.is_dir() and source.resolve() in out.resolve().parents:
        raise PipelineError(f"{out} lies inside the copy at {source}; give a folder outside of it")


def suffix_of(table: str) -> str:
    """Suffix of a kind of table."""
    if table not in SUFFIXES:
        raise PipelineError(f"a table is {' or '.join(SUFFIXES)}, not {table!r}")
    return SUFFIXES[table]


def unpacked(data_set: DataSet, source: Path, out: Path, reporter: Reporter) -> Path:
    """The folder that the reader takes."""
    if data_set.unpack is None:
        return source
    return data_set.unpack(source, out / UNPACKED, reporter.work("unpack", "images"))


def link_to(root: Path, out: Path) -> str:
    """The way from `out` to the images, by a link where they do not lie below it.

    A table may name only what lies below its own folder; a link that its owner put there is followed.
    """
    here, there = out.resolve(), root.resolve()
    if there.is_relative_to(here):
        inner = there.relative_to(here).as_posix()
        return "" if inner == "." else f"{inner}/"
    link = out / LINK
    if link.is_symlink() and link.resolve() == there:
        return f"{LINK}/"
    if link.exists() or link.is_symlink():
        raise PipelineError(f"{link} is there and leads elsewhere; remove it or give another folder")
    out.mkdir(parents=True, exist_ok=True)
    link.symlink_to(there, target_is_directory=True)
    return f"{LINK}/"


def labelled(columns: ImageColumns, choice: Choice) -> ImageColumns:
    """The columns with the label that the chosen classes give."""
    classes = choice.classes
    if not classes:
        return columns
    if all(name in columns.findings for name in classes):
        doubtful = columns.attributes.get(UNCERTAIN, [""] * len(columns))
        labels = (
            mentioned_labels(columns.findings, classes, doubtful=doubtful)
            if choice.unmentioned
            else exclusive_labels(columns.findings, classes)
        )
        return with_labels(columns, labels, classes)
    if any(name in columns.findings for name in classes) and not set(classes) <= set(columns.label):
        raise PipelineError(f"{', '.join(classes)} are not all findings of one kind; {known(columns)}")
    return with_labels(columns, [label if label in classes else "" for label in columns.label], classes)


def with_labels(columns: ImageColumns, labels: Sequence[str], classes: Sequence[str]) -> ImageColumns:
    """Refuse a class that no image has."""
    absent = [name for name in classes if name not in set(labels)]
    if absent:
        raise PipelineError(f"no image at hand has the class {', '.join(absent)} alone; {known(columns)}")
    return replace(columns, label=labels)


def known(columns: ImageColumns) -> str:
    """The classes and findings that there are."""
    there = sorted({label for label in columns.label if label} | set(columns.findings))
    return f"there are {', '.join(there[:40]) or 'no classes'}"


def shift_of(columns: ImageColumns, choice: Choice) -> Shift | None:
    """The split that was asked for; a plain one by default, none where there are no two classes."""
    if choice.recipe:
        return shift_of_paper(choice)
    if choice.attribute:
        return confounding_of(columns, choice)
    classes = choice.classes or tuple(sorted({label for label in columns.label if label}))
    return Shift("", classes, {"kind": "plain"}) if len(classes) > 1 else None


def confounding_of(columns: ImageColumns, choice: Choice) -> Shift:
    """The confounder that was asked for, looked up in the copy."""
    if choice.attribute not in columns.attributes:
        names = ", ".join(columns.attributes)
        raise PipelineError(f"there is no attribute {choice.attribute!r}; there are {names or 'none'}")
    if len(choice.classes) != 2 or len(choice.values) != 2:
        raise PipelineError("a confounded split needs two classes and two values of its attribute")
    there = {value for value in columns.attributes[choice.attribute] if value}
    absent = [value for value in choice.values if value not in there]
    if absent:
        listed = ", ".join(sorted(there)) if len(there) <= 20 else f"{len(there)} others"
        message = f"no image has {choice.attribute} {', '.join(absent)}; there are {listed or 'none'}"
        raise PipelineError(message)
    return Shift(
        name=choice.attribute,
        classes=choice.classes,
        settings={"attribute": choice.attribute, "values": list(choice.values), **strength_of(choice)},
        columns=(choice.attribute,),
    )
