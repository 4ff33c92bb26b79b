"""A picture of what a set of labelled images holds: one row of examples per class, as the network sees them."""

import io

import numpy as np
from PIL import Image

from models.labelled_images import DecodedOnDemand

_EXAMPLES = 10
_MOST_CLASSES = 20


def example_sheet(images: DecodedOnDemand) -> bytes:
    """PNG with the first ten images of each of the first twenty classes; one that cannot be read is left black."""
    size = images.preprocessing.input_size
    classes = min(len(images.images.classes), _MOST_CLASSES)
    sheet = np.zeros((classes, size, _EXAMPLES, size, 3), np.uint8)
    for label in range(classes):
        rows = np.flatnonzero(images.images.labels == label)[:_EXAMPLES]
        pixels, _, readable = images.batch(rows)
        sheet[label, :, np.flatnonzero(readable)] = pixels
    buffer = io.BytesIO()
    Image.fromarray(sheet.reshape(classes * size, _EXAMPLES * size, 3)).save(buffer, "PNG")
    return buffer.getvalue()
