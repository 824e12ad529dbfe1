from dataclasses import replace
from inspect import unwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch.nn import functional

from models.baselines import ConceptExamples, Inputs, TrainingData
from models.baselines.parts.activation_vectors import VectorSettings, balanced_rows, learnt_vectors
from models.baselines.parts.concept_scores import GrounderScores, text_vectors
from models.baselines.parts.residual import ResidualSettings, train_residuals
from models.baselines.parts.sparse_head import SparseSettings, train_sparse_heads
from models.baselines.pcbm import Pcbm
from models.baselines.pcbm_h import PcbmH
from models.errors import ModelsError
from models.heads.shared import Sample

WIDTH, CONCEPTS = 30, ("first", "second", "third")


def make_examples(*, rows: int = 120, unknown: float = 0.1) -> ConceptExamples:
    generator = np.random.default_rng(0)
    features = (generator.normal(size=(rows, WIDTH)) * 3 + 1).astype(np.float32)
    answers = (features[:, :3] + generator.normal(size=(rows, 3)) > [1, 2, 4]).astype(np.float32)
    answers[generator.random(answers.shape) < unknown] = np.nan
    return ConceptExamples(CONCEPTS, features, answers)


def make_data(*, classes: int = 2) -> TrainingData:
    generator = np.random.default_rng(1)
    parts = []
    for rows in (150, 80):
        features = (generator.normal(size=(rows, WIDTH)) * 3 + 1).astype(np.float32)
        noisy = features[:, 0] - features[:, 1] + 2 * generator.normal(size=rows)
        labels = np.searchsorted(np.linspace(-2, 2, classes - 1), noisy).astype(np.int64)
        parts.append((Inputs(features, generator.random((rows, 3)).astype(np.float32)), labels))
    return TrainingData(
        classes=tuple(f"class {number}" for number in range(classes)),
        concept_ids=CONCEPTS,
        prior=np.zeros((classes, 3), dtype=np.float32),
        train=parts[0][0],
        train_labels=parts[0][1],
        validation=parts[1][0],
        validation_labels=parts[1][1],
    )


def test_the_sign_of_a_score_is_the_decision_of_a_linear_svm_and_its_size_the_distance() -> None:
    features = make_examples().features
    yes = features[:, 0] + features[:, 1] > np.median(features[:, 0] + features[:, 1])  # as many as not
    examples = ConceptExamples(("c",), features, yes[:, None].astype(np.float32))
    vectors = learnt_vectors(examples, VectorSettings(C=0.1, per_side=1000), method="pcbm")
    inputs = StandardScaler().fit_transform(features.astype(float))
    svm = SVC(C=0.1, kernel="linear").fit(inputs, yes)
    scores = vectors.scores(Inputs(features, features))[:, 0]
    np.testing.assert_array_equal(scores > 0, svm.predict(inputs))
    np.testing.assert_allclose(scores, svm.decision_function(inputs) / np.linalg.norm(svm.coef_), atol=1e-2)
    np.testing.assert_allclose(np.linalg.norm(vectors.vectors), 1)


def test_concept_vectors_are_learnt_once_from_as_many_images_with_as_without() -> None:
    examples, settings = make_examples(), VectorSettings(per_side=20)
    assert learnt_vectors(examples, settings, method="pcbm") is learnt_vectors(
        examples, settings, method="pcbm_h"
    )
    for column, concept in enumerate(CONCEPTS):
        answers = examples.answers[:, column]
        rows = balanced_rows(answers, concept=concept, settings=settings, stream=column)
        yes, no = int((answers == 1).sum()), int((answers == 0).sum())
        expected = min(20, yes, no)
        assert (answers[rows] == 1).sum() == (answers[rows] == 0).sum() == expected
        assert len(set(rows.tolist())) == 2 * expected


def test_what_is_missing_for_concept_vectors_is_named() -> None:
    with pytest.raises(ModelsError, match="pcbm learns concepts from images with reports and none were"):
        learnt_vectors(None, method="pcbm")
    examples = make_examples()
    alike = ConceptExamples(CONCEPTS, examples.features, np.where(examples.answers >= 0, 1, examples.answers))
    with pytest.raises(ModelsError, match="answer 'first' alike"):
        learnt_vectors(alike, method="pcbm")
    with pytest.raises(ModelsError, match=r"pcbm_text compares .* e\.g\. yyupenn/whyxrayclip"):
        text_vectors(None, method="pcbm_text")


def test_text_scores_are_cosines() -> None:
    generator = np.random.default_rng(0)
    text, features = (generator.normal(size=(rows, 8)).astype(np.float32) for rows in (3, 5))
    shown = text_vectors(text, method="pcbm_text").scores(Inputs(features, features))
    expected = functional.cosine_similarity(torch.tensor(features)[:, None], torch.tensor(text)[None], dim=2)
    np.testing.assert_allclose(shown, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_head_decides_as_scikit_learn_does_with_the_penalty_that_validates_best(classes: int) -> None:
    data = make_data(classes=classes)
    train, held = (
        Sample(inputs.features.astype(float), labels)
        for inputs, labels in ((data.train, data.train_labels), (data.validation, data.validation_labels))
    )
    settings = SparseSettings(penalties=(1e-4, 0.03, 1.0))
    heads = train_sparse_heads(train, held, classes=classes, seeds=(3,), settings=settings)
    tried = {
        penalty: SGDClassifier(
            loss="log_loss",
            penalty="elasticnet",
            alpha=penalty,
            l1_ratio=0.99,
            max_iter=10_000,
            random_state=3,
        ).fit(train.inputs, train.labels)
        for penalty in settings.penalties
    }
    accuracy = {penalty: sgd.score(held.inputs, held.labels) for penalty, sgd in tried.items()}
    assert heads.validation_accuracy[0] == pytest.approx(max(accuracy.values()))
    chosen = tried[float(heads.penalty[0])]
    shown = heads.logits(held.inputs)[0]
    np.testing.assert_array_equal(shown.argmax(axis=1), chosen.predict(held.inputs))
    if classes == 2:
        logit = shown[:, 1] - shown[:, 0]
        np.testing.assert_allclose(logit, chosen.decision_function(held.inputs), atol=1e-9)


def test_a_class_without_training_images_is_never_predicted() -> None:
    data = make_data(classes=3)
    rows = data.train_labels != 1
    train = Sample(data.train.features[rows].astype(float), data.train_labels[rows])
    heads = train_sparse_heads(train, train, classes=3, seeds=(0,), settings=SparseSettings((1e-3,)))
    assert set(heads.logits(train.inputs)[0].argmax(axis=1)) == {0, 2}


def test_without_its_residual_pcbm_h_is_the_bottleneck_that_it_froze() -> None:
    data = make_data()
    bottleneck = Pcbm(learnt_vectors(make_examples(), method="pcbm_h"))
    untrained = PcbmH(bottleneck, ResidualSettings(epochs=0)).fit(data, seeds=(0, 1))
    alone = bottleneck.fit(data, seeds=(0, 1))
    weight, shown = alone.heads.weight.copy(), alone.predict(data.validation)
    np.testing.assert_array_equal(untrained.predict(data.validation), shown)
    trained = PcbmH(bottleneck).fit(data, seeds=(0, 1))  # shares its heads, which are found again
    fresh = unwrap(train_sparse_heads)(
        *(
            Sample(bottleneck.source.scores(inputs), labels)
            for inputs, labels in (
                (data.train, data.train_labels),
                (data.validation, data.validation_labels),
            )
        ),
        classes=2,
        seeds=(0, 1),
        settings=bottleneck.settings,
    )
    assert fresh.weight is not trained.bottleneck.heads.weight
    np.testing.assert_array_equal(trained.bottleneck.heads.weight, weight)
    np.testing.assert_array_equal(fresh.weight, weight)
    assert np.abs(trained.predict(data.validation) - shown).max() > 0.01


def test_a_residual_is_that_of_a_plain_loop_over_torch_linear() -> None:
    data = make_data(classes=3)
    frozen = np.random.default_rng(0).normal(size=(2, 150, 3))
    settings = ResidualSettings(epochs=3, penalty=0.5)
    shown = train_residuals(
        data.train.features, data.train_labels, frozen=frozen, seeds=(5, 6), settings=settings
    )
    inputs, targets = torch.tensor(data.train.features), torch.tensor(data.train_labels)
    linear = torch.nn.Linear(WIDTH, 3)
    torch.nn.init.zeros_(linear.weight)
    torch.nn.init.zeros_(linear.bias)
    adam = torch.optim.Adam(linear.parameters(), lr=settings.learning_rate)
    order, base = torch.Generator().manual_seed(6), torch.tensor(frozen[1], dtype=torch.float32)
    for _ in range(settings.epochs):
        for rows in torch.split(torch.randperm(150, generator=order), settings.batch):
            adam.zero_grad()
            lost = functional.cross_entropy(base[rows] + linear(inputs[rows]), targets[rows])
            (lost + settings.penalty * (linear.weight**2).mean()).backward()  # type: ignore[no-untyped-call]
            adam.step()
    np.testing.assert_allclose(shown.weight[1], linear.weight.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(shown.bias[1], linear.bias.detach().numpy(), atol=1e-5)


def test_what_is_saved_is_enough_to_predict(tmp_path: Path) -> None:
    data = make_data()
    fitted = PcbmH(Pcbm(learnt_vectors(make_examples(), method="pcbm_h"))).fit(data, seeds=(2,))
    fitted.save(tmp_path)
    residual = load_file(tmp_path / "2" / "tensors.safetensors")
    bottleneck = load_file(tmp_path / "2" / "bottleneck" / "tensors.safetensors")
    features = data.validation.features.astype(float)
    scaled = (features - bottleneck["feature_center"]) / bottleneck["feature_scale"]
    scores = scaled @ bottleneck["vectors"].T + bottleneck["offset"]
    logits = scores @ bottleneck["weight"].T + bottleneck["bias"]
    logits += (features - residual["center"]) / residual["scale"] @ residual["weight"].T + residual["bias"]
    expected = functional.softmax(torch.tensor(logits), dim=1).numpy()
    np.testing.assert_allclose(fitted.predict(data.validation)[0], expected)


def test_a_bottleneck_may_read_the_grounders_instead() -> None:
    data = make_data()
    fitted = Pcbm(GrounderScores()).fit(data, seeds=(0,))
    other = replace(data.validation, features=data.validation.features + 1)
    np.testing.assert_array_equal(fitted.predict(data.validation), fitted.predict(other))
