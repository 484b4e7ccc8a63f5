"""What is recorded and where: the one declaration that the settings and `cutover serve` derive from."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class CaptureOptions(BaseModel):
    """A field is a setting of the bridge, and all but the key are options of `cutover serve`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    capture: Path | None = None
    """The folder in which traffic is recorded; not set: nothing is."""

    capture_sample: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of users who are recorded, each with all of their requests."""

    capture_mask: str = ""
    """Names of further secrets, with commas between: fields, query parameters, headers."""

    capture_max_body: Annotated[int, Field(ge=0)] = 1024 * 1024
    """Bytes of a body that are kept; of a longer one its length and its hash are."""

    capture_max_files: Annotated[int, Field(ge=1)] = 100
    """The oldest files beyond so many are removed."""

    capture_file_size: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024
    """Bytes after which a file is followed by another."""

    capture_gzip: bool = False
    """Whether the files are compressed."""

    capture_key: str | None = None
    """The key of the users' fingerprints; not set: `capture.key` in the folder."""

    @property
    def folder(self) -> Path:
        """Absolute. Raises ValueError when nothing is to be recorded."""
        if self.capture is None:
            raise ValueError("no folder is named in which traffic could be recorded")
        return self.capture.absolute()

    @property
    def masked_names(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.capture_mask.split(",") if name.strip())
