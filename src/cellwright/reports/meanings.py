"""What the figures that models are judged by mean, in plain words, by task."""

MEANINGS = {
    "instances": "AP@0.5 (average precision) is TP / (TP + FP + FN): of all objects found or "
    "annotated, the share that is right. True positives (TP) overlap an annotated object with an "
    "IoU of at least 0.5 (the area in common divided by that of both together), false positives "
    "(FP) are found but not annotated, false negatives (FN) annotated but not found.",
    "boxes": "AP50 (average precision) is the mean precision over all recalls, where a box is "
    "right if it overlaps an annotated one with an IoU of at least 0.5 (the area in common divided "
    "by that of both together); AP75 asks for 0.75, and AP is the mean over 0.5, 0.55 … 0.95. "
    "Precision is the share of found boxes that are right, recall that of annotated boxes found; "
    "F1 is the harmonic mean of both.",
    "points": "F1 is 2 TP / (2 TP + FP + FN): true positives (TP) lie near an annotated point, "
    "false positives (FP) near none, false negatives (FN) are annotated but not found. Precision "
    "is the share of found points that are right, recall that of annotated points found.",
    "classes": "Dice is twice the area that a class has in common in result and annotation, "
    "divided by the sum of both areas: 1 where they are the same, 0 where they have nothing in "
    "common.",
}
"""One paragraph for each task."""

DRAWN = {"instances": "outlines", "boxes": "boxes", "points": "points", "classes": "classes"}
"""What lies over the pictures of a report."""
