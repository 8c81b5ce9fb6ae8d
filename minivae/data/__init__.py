"""Images to learn from, verified down to the last byte, and the checks that every array of images passes."""

from minivae.data.images import binarize, check_images, threshold
from minivae.data.sets import GREY, load

__all__ = ["GREY", "binarize", "check_images", "load", "threshold"]
