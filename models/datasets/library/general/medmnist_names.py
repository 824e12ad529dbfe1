"""The two-dimensional MedMNIST+ sets: what they show, and what their integer labels mean."""

from dataclasses import dataclass

ORGANS = (
    "bladder",
    "femur-left",
    "femur-right",
    "heart",
    "kidney-left",
    "kidney-right",
    "liver",
    "lung-left",
    "lung-right",
    "pancreas",
    "spleen",
)


@dataclass(frozen=True, slots=True)
class MedMnistSet:
    """One set.

    Attributes:
        modality: What the images are.
        labels: Name of each label, by its number.
        several: Whether an image may have several labels.
    """

    modality: str
    labels: tuple[str, ...]
    several: bool = False


MEDMNIST_SETS = {
    "chestmnist": MedMnistSet(
        "chest X-ray",
        (
            "atelectasis",
            "cardiomegaly",
            "effusion",
            "infiltration",
            "mass",
            "nodule",
            "pneumonia",
            "pneumothorax",
            "consolidation",
            "edema",
            "emphysema",
            "fibrosis",
            "pleural",
            "hernia",
        ),
        several=True,
    ),
    "pneumoniamnist": MedMnistSet("chest X-ray", ("normal", "pneumonia")),
    "dermamnist": MedMnistSet(
        "dermoscopy",
        (
            "actinic keratoses and intraepithelial carcinoma",
            "basal cell carcinoma",
            "benign keratosis-like lesions",
            "dermatofibroma",
            "melanoma",
            "melanocytic nevi",
            "vascular lesions",
        ),
    ),
    "pathmnist": MedMnistSet(
        "colon pathology",
        (
            "adipose",
            "background",
            "debris",
            "lymphocytes",
            "mucus",
            "smooth muscle",
            "normal colon mucosa",
            "cancer-associated stroma",
            "colorectal adenocarcinoma epithelium",
        ),
    ),
    "octmnist": MedMnistSet(
        "retinal OCT",
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    ),
    "retinamnist": MedMnistSet("fundus photograph", ("0", "1", "2", "3", "4")),
    "breastmnist": MedMnistSet("breast ultrasound", ("malignant", "normal, benign")),
    "bloodmnist": MedMnistSet(
        "blood cell microscopy",
        (
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)",
            "lymphocyte",
            "monocyte",
            "neutrophil",
            "platelet",
        ),
    ),
    "tissuemnist": MedMnistSet(
        "kidney cortex microscopy",
        (
            "Collecting Duct, Connecting Tubule",
            "Distal Convoluted Tubule",
            "Glomerular endothelial cells",
            "Interstitial endothelial cells",
            "Leukocytes",
            "Podocytes",
            "Proximal Tubule Segments",
            "Thick Ascending Limb",
        ),
    ),
    "organamnist": MedMnistSet("abdominal CT, axial", ORGANS),
    "organcmnist": MedMnistSet("abdominal CT, coronal", ORGANS),
    "organsmnist": MedMnistSet("abdominal CT, sagittal", ORGANS),
}
