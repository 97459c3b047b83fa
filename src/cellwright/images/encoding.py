"""The choices that all writers share."""

from __future__ import annotations

from dataclasses import dataclass

from cellwright._errors import UsageError

COMPRESSIONS = ("deflate", "zstd", "lzw", "none")
NGFF_VERSIONS = ("0.4", "0.5")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How pixels are stored.

    Parameters
    ----------
    compression : {"deflate", "zstd", "lzw", "none"}
        Lossless compression. LZW is for TIFF only.
    ngff : {"0.4", "0.5"}
        Version of OME-Zarr.
    labels : bool
        Whether the pixels are labels, whose pyramids must not mix values.

    Raises
    ------
    UsageError
        If a choice is unknown.
    """

    compression: str = "deflate"
    ngff: str = "0.5"
    labels: bool = False

    def __post_init__(self) -> None:
        for what, value, known in (
            ("compression", self.compression, COMPRESSIONS),
            ("OME-Zarr version", self.ngff, NGFF_VERSIONS),
        ):
            if value not in known:
                raise UsageError(f"The {what} '{value}' is unknown; choose {' or '.join(known)}.")
