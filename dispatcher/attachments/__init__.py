"""Photos and voice notes made harmless: what it is by its bytes, metadata off, thumbnail made. Pure: bytes to bytes."""

from dispatcher.attachments.clean import Cleaned, clean
from dispatcher.attachments.refused import FileRefused

__all__ = ["Cleaned", "FileRefused", "clean"]
