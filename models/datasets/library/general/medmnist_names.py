"""The two-dimensional MedMNIST+ sets: what their integer labels mean, and how many images each has."""

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
        images: Published number in train, val and test.
        several: Whether an image may have several labels.
    """

    modality: str
    labels: tuple[str, ...]
    images: tuple[int, int, int]
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
        (78468, 11219, 22433),
        several=True,
    ),
    "pneumoniamnist": MedMnistSet("chest X-ray", ("normal", "pneumonia"), (4708, 524, 624)),
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
        (7007, 1003, 2005),
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
        (89996, 10004, 7180),
    ),
    "octmnist": MedMnistSet(
        "retinal OCT",
        ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
        (97477, 10832, 1000),
    ),
    "retinamnist": MedMnistSet("fundus photograph", ("0", "1", "2", "3", "4"), (1080, 120, 400)),
    "breastmnist": MedMnistSet("breast ultrasound", ("malignant", "normal, benign"), (546, 78, 156)),
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
        (11959, 1712, 3421),
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
        (165466, 23640, 47280),
    ),
    "organamnist": MedMnistSet("abdominal CT, axial", ORGANS, (34581, 6491, 17778)),
    "organcmnist": MedMnistSet("abdominal CT, coronal", ORGANS, (13000, 2392, 8268)),
    "organsmnist": MedMnistSet("abdominal CT, sagittal", ORGANS, (13940, 2452, 8829)),
}
