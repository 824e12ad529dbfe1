"""The 14 observations of the CheXpert labeller, which CheXpert and MIMIC-CXR-JPG share."""

OBSERVATIONS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
DEVICES = "Support Devices"
"""No disease: on its own it says nothing for or against `No Finding`."""
