"""Why a file is not taken."""

from typing import Literal

Reason = Literal["EmptyFile", "UnsupportedFile", "DamagedFile", "TooManyPixels"]


class FileRefused(ValueError):
    """`title` names the reason; the sentence is for whoever sent the file and says nothing about its content."""

    def __init__(self, title: Reason, detail: str) -> None:
        super().__init__(detail)
        self.title: Reason = title


def damaged(detail: str) -> FileRefused:
    return FileRefused("DamagedFile", detail)
