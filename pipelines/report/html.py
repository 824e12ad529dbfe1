"""The report as one HTML file that loads nothing, and reads on a phone, a screen and paper, script or not."""

from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipelines.report.ablation_view import ablation_view
from pipelines.report.acquisition_view import acquisition_view
from pipelines.report.against_view import controls, tiles
from pipelines.report.card_view import card_view
from pipelines.report.check_view import check_table
from pipelines.report.checklist import checklist
from pipelines.report.comparison_view import comparison
from pipelines.report.concept_audit_view import concept_audit_view
from pipelines.report.concept_view import concept_views
from pipelines.report.curve_view import curve_view, threshold_views
from pipelines.report.explanation_view import explanation_views
from pipelines.report.group_view import group_view
from pipelines.report.index import MEAN, AuditIndex
from pipelines.report.input import ReportInput
from pipelines.report.intervention_view import intervention_view
from pipelines.report.literature_view import rejections, sources
from pipelines.report.method_table import metric_tables, paired_tables
from pipelines.report.methods import KINDS, spoken
from pipelines.report.sign_view import sign_view
from pipelines.report.split_view import split_views
from pipelines.report.summary import headline
from pipelines.report.tracks import UNIT, UNIT_TICKS
from pipelines.report.unlearnt_view import together, unlearnt
from pipelines.report.verdict import lead, scope, shift_audited, verdict
from pipelines.report.wording import METRICS, count, duration, plain


@cache
def environment() -> Environment:
    """Templates with every value escaped, since questions and passages are other people's text."""
    made = Environment(
        loader=PackageLoader("pipelines.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"plain": plain, "duration": duration, "spoken": spoken}
    made.globals |= {"count": count, "kinds": KINDS}
    return made


@cache
def script() -> Markup:
    """What sorts and filters tables; it is ours, so it is not escaped."""
    return Markup(files("pipelines.report").joinpath("templates/report.js").read_text("utf-8"))  # noqa: S704 - shipped file


def script_digest() -> str:
    """By which the page admits this script and no other."""
    return b64encode(sha256(script().encode()).digest()).decode()


def render_html(report: ReportInput) -> str:
    """The whole page; the same input gives the same bytes."""
    index = AuditIndex.of(report.audit)
    concepts = concept_views(report)
    return (
        environment()
        .get_template("report.html.jinja")
        .render(
            report=report,
            script=script(),
            script_digest=script_digest(),
            headline=headline(report.audit),
            scope=scope(report, index),
            lead=lead(index),
            verdict=verdict(report, index),
            tiles=tiles(index),
            metric=METRICS.get(index.metric, index.metric),
            overall=metric_tables(index, index.scope),
            overall_paired=paired_tables(index, MEAN),
            ticks=UNIT_TICKS,
            half=UNIT.percent(0.5),
            comparison=comparison(index),
            controls=controls(index),
            shift_audited=shift_audited(index),
            methods=len(index.methods),
            splits=split_views(report, index),
            concepts=[view for view in concepts if view.kept],
            unused=[view for view in concepts if not view.kept],
            retracted=sum(view.retracted for view in concepts),
            together=together(report),
            unlearnt=unlearnt(report),
            signs=sign_view(report),
            sources=sources(report),
            rejections=rejections(report),
            explanations=explanation_views(report),
            ablation=ablation_view(report),
            interventions=intervention_view(report),
            acquisition=acquisition_view(report, index),
            groups=group_view(index),
            curves=curve_view(index),
            thresholds=threshold_views(index),
            checks=check_table(report),
            cards=card_view(report, index),
            concept_audit=concept_audit_view(report),
            checklist=checklist(report),
            slowest=longest(report.provenance.seconds.values()),
        )
    )


def longest(seconds: Iterable[float]) -> float:
    """The scale of the bars of time; never zero."""
    return max(seconds, default=0.0) or 1.0
