"""What each person can take back, and do again: nobody takes back what others drew."""

from __future__ import annotations

from cellwright.studio.journal import LOADED, UNDO, Edit


class UndoStacks:
    """Numbers of edits, by person. Made by telling it every edit of an image, the oldest first."""

    def __init__(self) -> None:
        self._done: dict[str, list[int]] = {}
        self._undone: dict[str, list[int]] = {}

    def done(self, who: str) -> tuple[int, ...]:
        """Return the edits that a person can take back, the last one first."""
        return tuple(reversed(self._done.get(who, ())))

    def undone(self, who: str) -> tuple[int, ...]:
        """Return the edits that a person can do again, the one that was taken back last first."""
        return tuple(reversed(self._undone.get(who, ())))

    def note(self, edit: Edit) -> None:
        """Keep in mind what can be taken back and done again after an edit."""
        who, target = edit.who, edit.target
        if edit.kind == LOADED:
            self._done, self._undone = {}, {}
        elif target is not None:
            back = edit.kind == UNDO
            source, goal = (self._done, self._undone) if back else (self._undone, self._done)
            for stack in source.values():
                if target in stack:
                    stack.remove(target)
            goal.setdefault(who, []).append(target)
        else:
            self._done.setdefault(who, []).append(edit.id)
            self._undone.pop(who, None)
