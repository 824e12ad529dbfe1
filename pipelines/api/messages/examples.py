"""One small run, told in every message; the description of the API shows it, and tests check it."""

from typing import Any

REQUEST = "9f1c2a7be0d94c5aa1f0c6f2f3b8a4d7"
AUDIT_ID = "5d0e7c1b2a3f4e6d8c9b0a1f2e3d4c5b"
AUDIT_DIGEST = "2f6c0c4f6f4f3a7d9b8f2f5c8b1d0e9a7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a29"
SIZE, FLUID = "is-the-heart-enlarged-1a2b3c4d", "is-a-costophrenic-angle-blunted-5e6f7a8b"

summand: dict[str, Any] = {
    "id": SIZE,
    "question": "Is the heart enlarged?",
    "score": 0.875,
    "usual": 0.375,
    "weight": 1.5,
    "amount": 0.75,
    "quote": "The cardiac silhouette is enlarged in heart failure.",
    "source": "handbook",
    "locator": "heart.md, Size",
    "license": "CC0-1.0",
    "retracted": False,
}
other: dict[str, Any] = {
    "id": FLUID,
    "question": "Is a costophrenic angle blunted?",
    "score": 0.25,
    "usual": 0.5,
    "weight": 1.0,
    "amount": -0.25,
    "quote": "A blunted costophrenic angle is a sign of pleural fluid.",
    "source": "handbook",
    "locator": "pleura.md, Effusion",
    "license": "CC0-1.0",
    "retracted": False,
}
scores = {SIZE: 0.875, FLUID: 0.25}
logits = {"normal": -0.5, "abnormal": 0.5}
probabilities = {"normal": 0.2689, "abnormal": 0.7311}
prediction: dict[str, Any] = {
    "request": REQUEST,
    "run": "chest-xray",
    "audit": AUDIT_DIGEST,
    "split": "hospital",
    "predicted": "abnormal",
    "probabilities": probabilities,
    "logits": logits,
    "concepts": [summand, other],
    "scores": scores,
}
intervention_request: dict[str, Any] = {"scores": scores, "set": {SIZE: False, FLUID: 0.5}}
moved: dict[str, Any] = {"id": SIZE, "before": 0.875, "after": 0.125}
intervention_result: dict[str, Any] = {
    "request": REQUEST,
    "split": "hospital",
    "before": probabilities,
    "after": {"normal": 0.6792, "abnormal": 0.3208},
    "predicted": "normal",
    "logits": {"normal": 0.375, "abnormal": -0.375},
    "concepts": [{**summand, "score": 0.125, "weight": -1.5, "amount": 0.375}],
    "moved": [moved],
}
concept: dict[str, Any] = {
    "id": SIZE,
    "question": "Is the heart enlarged?",
    "auroc": 0.91,
    "weights": {"hospital": {"normal": -1.5, "abnormal": 1.5}},
    "quote": "The cardiac silhouette is enlarged in heart failure.",
    "locator": "heart.md, Size",
}
placed: dict[str, Any] = {"id": SIZE, "offset": -0.5, "values": [0.0, 1.5, 0.25, 3.0]}
maps: dict[str, Any] = {
    "request": REQUEST,
    "run": "chest-xray",
    "rows": 2,
    "columns": 2,
    "concepts": [placed],
    "picture": "/9j/4AAQSkZJRgABAQ==",
}
search_request: dict[str, Any] = {"query": "signs of an enlarged heart", "limit": 5, "retracted": False}
passage: dict[str, Any] = {
    "rank": 1,
    "score": 0.0328,
    "id": "pubmed/pmid:12345678#2",
    "title": "Radiographic signs of heart failure",
    "quote": "The cardiac silhouette is enlarged in heart failure.",
    "text": "The cardiac silhouette is enlarged in heart failure. Its width is compared with the chest.",
    "source": "pubmed",
    "locator": "PMID 12345678, RESULTS",
    "license": "CC BY 4.0",
    "year": 2019,
    "retracted": False,
}
search_result: dict[str, Any] = {"request": REQUEST, "run": "chest-xray", "passages": [passage]}
audit_request: dict[str, Any] = {"configuration": "weekly"}
work: dict[str, Any] = {"name": "encode", "done": 1200, "total": 4000, "unit": "images"}
running: dict[str, Any] = {
    "id": AUDIT_ID,
    "configuration": "weekly",
    "run": "chest-xray",
    "state": "running",
    "requested": "2026-03-02T06:00:00.000+00:00",
    "ended": None,
    "starts": 1,
    "stages_done": 5,
    "stages": 20,
    "running": ["encode"],
    "work": work,
    "error": None,
    "headline": None,
    "audit": None,
}
audits: dict[str, Any] = {"configurations": ["weekly"], "audits": [running]}
problem: dict[str, Any] = {
    "detail": "the run has no split 'north'; it has hospital",
    "request": REQUEST,
}
METRICS = 'knobo_requests_total{method="POST",route="/v1/predict",status="200"} 12.0\n'
REPORT = "<!doctype html><title>Audit of chest-xray</title>"
