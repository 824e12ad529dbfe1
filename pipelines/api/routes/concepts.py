"""What the classifiers look at."""

from fastapi import FastAPI

from pipelines.api.messages import ServedConcept
from pipelines.api.routes.describing import problems
from pipelines.api.served import ServedRun


def add_concepts(app: FastAPI, served: ServedRun) -> None:
    """What the classifiers look at."""
    concepts = tuple(served_concepts(served))

    @app.get(
        "/v1/concepts", summary="Every concept in use, with its evidence and weights", responses=problems()
    )
    async def listed() -> tuple[ServedConcept, ...]:
        return concepts


def served_concepts(served: ServedRun) -> list[ServedConcept]:
    """In the order of the scores."""
    found = []
    for column, (concept_id, quality) in enumerate(
        zip(served.concept_ids, served.grounder.quality, strict=True)
    ):
        quotation = served.quotations[concept_id]
        found.append(
            ServedConcept(
                id=concept_id,
                question=quotation.question,
                auroc=quality.auroc,
                weights={
                    split.name: dict(
                        zip(
                            split.head.classes,
                            split.head.weight[:, column].astype(float).tolist(),
                            strict=True,
                        )
                    )
                    for split in served.splits.values()
                },
                quote=quotation.quote,
                locator=quotation.locator,
            )
        )
    return found
