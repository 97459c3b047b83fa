"""The label file of one image: how far it follows the edits, and what others wrote in its place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cellwright.images.image import Image
from cellwright.images.write import write_labels
from cellwright.studio.canvas import LabelCanvas
from cellwright.studio.journal import LOADED, Edit, Journal, LabelFile, signature
from cellwright.studio.label_files import keep_labels
from cellwright.studio.project import Item, existing_labels


class SavedLabels:
    """What stands in the label file of an image.

    Parameters
    ----------
    item : Item
        Which image.
    image : Image
        Gives the pixel size.
    journal : Journal
        Knows what the file looked like when it was last written or read.
    originals : Path
        Folder for copies of labels from elsewhere.

    Attributes
    ----------
    edit : int
        The last edit that the file holds.
    remark : str
        What a person should know: that others wrote the file while it was open.
    """

    def __init__(self, item: Item, image: Image, journal: Journal, originals: Path) -> None:
        self._item, self._like = item, image
        self._journal, self._originals = journal, originals
        self.edit = 0
        self.remark = ""

    def recall(self, source: Path | None, edits: Sequence[Edit]) -> list[Edit]:
        """Find out which edits the file holds; returns all, with that of others, if there is one.

        Where the file was changed by others since, nothing from before can be taken back.
        """
        name, found = self._item.name, list(edits)
        known, interrupted = self._journal.label_file(name)
        self.edit = known.edit
        if not interrupted and signature(source) != known.signature:
            is_behind = any(edit.id > known.edit for edit in found)
            if found:
                found.append(self._journal.append(name, LOADED, (), who=LOADED))
                self.edit = known.edit if is_behind else found[-1].id
            self._journal.adopt(name, LabelFile(self.edit, False, signature(source)))
        return found

    def follow(self, edit: int) -> None:
        """Note that an edit changed no pixel: the file holds it as it is."""
        known, _ = self._journal.label_file(self._item.name)
        self._journal.adopt(self._item.name, replace(known, edit=edit))
        self.edit = edit

    def write(self, labels: LabelCanvas, edit: int, smallest: int, largest: int) -> bool:
        """Write the labels as they were after an edit, complete or not at all.

        Returns
        -------
        bool
            Whether labels that the image had elsewhere were moved away.

        Raises
        ------
        OutputError
            If they, or a copy of what others wrote, cannot be written.
        """
        target, theirs = self._item.labels, self._labels_of_others()
        is_news = theirs is not None and self._changed_meanwhile(theirs)
        if theirs == target:
            self._keep(target, is_news)
        number = self._journal.begin_save(self._item.name, edit)
        write_labels(
            target,
            labels,
            like=self._like,
            largest=largest,
            partly_known=smallest < 0,
            overwrite=True,
        )
        with target.open("r+b") as file:
            os.fsync(file.fileno())  # before the journal says that it is complete
        moves = theirs is not None and theirs != target
        if theirs is not None and moves:
            self._keep(theirs, is_news)  # only now, as they were read meanwhile
        self._journal.end_save(number, target)
        self.edit = edit
        return moves

    def _labels_of_others(self) -> Path | None:
        """Return the file of the labels that were not written here, where there is one."""
        source = existing_labels(self._item)
        known, _ = self._journal.label_file(self._item.name)
        return None if known.ours and known.signature == signature(source) else source

    def _changed_meanwhile(self, source: Path) -> bool:
        """Whether others wrote the labels after they were last read or written here."""
        known, interrupted = self._journal.label_file(self._item.name)
        return not interrupted and known.signature != signature(source)

    def _keep(self, source: Path, is_news: bool) -> None:
        """Copy or move labels to a safe place before they are replaced."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        kept = self._originals / f"{self._item.name}-{stamp}{source.suffix}"
        keep_labels(source, kept, stays=source == self._item.labels)
        if is_news:
            self.remark = (
                f"Another program wrote '{source}' while it was open here. It now holds what is "
                f"drawn here; what the other wrote is kept as '{kept}'."
            )
