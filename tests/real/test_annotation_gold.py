import csv
from pathlib import Path

import numpy as np
import pytest

from knowledge.annotation.lexicon import load_lexicon
from knowledge.annotation.rules import RuleAnnotator
from knowledge.annotation.table import Answer, Report
from knowledge.concepts import Concept

pytestmark = pytest.mark.real
# The findings with 20 or more positives in the held-out subset.
QUESTIONS = {
    "gold_atelectasis": "Is there atelectasis?",
    "gold_cardiomegaly": "Is there cardiomegaly?",
    "gold_effusion": "Is there a pleural effusion?",
    "gold_emphysema": "Is there emphysema?",
}


def test_rules_reach_the_bar_on_the_held_out_reports(shared_data: Path) -> None:
    reports_table = shared_data / "reports" / "openi_gold" / "reports.csv"
    with reports_table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["gold_subset"] == "negbio_test"]
    reports = [Report(row["uid"], f"{row['findings']}\n\n{row['impression']}") for row in rows]
    concepts = [Concept(name, question, (), "") for name, question in QUESTIONS.items()]
    table = RuleAnnotator(load_lexicon("chest_xray")).annotate(reports, concepts)
    said = table.answer == Answer.YES
    gold = np.array([[row[name] == "1" for name in QUESTIONS] for row in rows])
    assert (gold.sum(axis=0) >= 20).all()
    f1 = 2 * np.sum(said & gold) / (np.sum(said) + np.sum(gold))
    assert f1 >= 0.85
