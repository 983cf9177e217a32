"""Writing to disk: a file appears whole or not at all, and what stands in the way is said."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING

from pairmatch.errors import PairmatchError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

__all__ = [
    "check_folder",
    "has_file",
    "has_folder",
    "make_folder",
    "remove_file",
    "say_trouble",
    "write_together",
    "write_whole",
]

_REMEDIES = {
    errno.EACCES: "Choose another folder with write permission, or close the program in which the "
    "file is open.",
    errno.EPERM: "Choose another folder with write permission, or close the program in which the "
    "file is open.",
    errno.EROFS: "Choose a folder on another drive.",
    errno.ENOSPC: "Free some space, or choose a folder on another drive.",
    errno.EDQUOT: "Free some space, or choose a folder on another drive.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.ENOENT: "Make the folder first, or choose another one.",
}


def has_folder(path: str | PathLike[str]) -> bool:
    """Return whether there is a folder that may be looked at; no path is an error."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):  # no permission, a name that is too long
        return False


def has_file(path: str | PathLike[str]) -> bool:
    """Return whether there is a file that may be looked at; no path is an error."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def say_trouble(path: str | PathLike[str], error: OSError) -> str:
    """Return in a sentence or two why a path cannot be written, and what to do.

    Examples
    --------
    >>> print(say_trouble("plan/pairs.csv", OSError(errno.ENOSPC, "No space left on device")))
    plan/pairs.csv cannot be written: no space left on device. Free some space, or choose a folder
    on another drive.
    """
    target = Path(path)
    if has_folder(target):
        return f"{target} is a folder; it cannot be written as a file. Choose another name."
    for above in (*reversed(target.parents), target):
        if _is_no_folder(above) and (above != target or _is_about_folders(error)):
            return f"{above} is a file, not a folder. Choose another name for the folder."
    why = (error.strerror or str(error) or type(error).__name__).rstrip(".")
    remedy = _REMEDIES.get(error.errno or 0, "Choose another folder.")
    return f"{target} cannot be written: {why[:1].lower() + why[1:]}. {remedy}"


def _is_no_folder(path: Path) -> bool:
    """Return whether something else than a folder has this name, be it a device."""
    try:
        return path.exists() and not path.is_dir()
    except OSError:
        return False


def _is_about_folders(error: OSError) -> bool:
    return isinstance(error, FileExistsError | NotADirectoryError)


def write_whole(path: str | PathLike[str], text: str) -> None:
    """Write a text file through a temporary neighbour, so that nobody sees half of it.

    Raises
    ------
    PairmatchError
        If the folder is not there or cannot be written.
    """
    target = Path(path)
    write_together(target.parent, {target.name: text})


def write_together(folder: str | PathLike[str], texts: Mapping[str, str]) -> None:
    """Write text files by name; all are on disk before the first takes the place of an old one.

    Raises
    ------
    PairmatchError
        If the folder is not there or cannot be written; then no old file has changed, unless the
        disk fails between two names.
    """
    temporaries = {}
    target = Path(folder)
    try:
        for name, text in texts.items():
            target = Path(folder) / name
            if has_folder(target):
                raise IsADirectoryError
            temporary = target.with_name(f".{name}.{os.getpid()}.{get_ident()}.tmp")
            temporaries[temporary] = target
            with temporary.open("w", encoding="utf-8", newline="") as stream:
                stream.write(text)
        for temporary, target in temporaries.items():
            temporary.replace(target)
    except OSError as error:
        raise PairmatchError(say_trouble(target, error)) from None
    finally:
        for temporary in temporaries:
            _forget(temporary)


def remove_file(path: str | PathLike[str]) -> None:
    """Remove a file, if it is there.

    Raises
    ------
    PairmatchError
        If it cannot be removed, for instance because another program has it open.
    """
    target = Path(path)
    try:
        target.unlink(missing_ok=True)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        remedy = "Remove it by hand: it belongs to an earlier plan."
        raise PairmatchError(f"{target} cannot be removed: {why}. {remedy}") from None


def _forget(temporary: Path) -> None:
    """Remove what is left of a failed attempt, if anything is."""
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        return  # the folder itself is the trouble, and has been told of


def make_folder(folder: str | PathLike[str]) -> Path:
    """Return a folder that can be written, made if need be.

    Raises
    ------
    PairmatchError
        If the folder cannot be made or written, or has no name.
    """
    if not str(folder).strip():
        raise PairmatchError("the folder for the plan has no name")
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        if not os.access(target, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "permission denied")
    except OSError as error:
        if has_folder(target):
            raise PairmatchError(
                f"the folder {target} cannot be written. {_REMEDIES[errno.EACCES]}"
            ) from None
        raise PairmatchError(say_trouble(target, error)) from None
    return target


def check_folder(folder: str | PathLike[str]) -> None:
    """Find out before the work whether a folder can be written, and leave nothing behind.

    Raises
    ------
    PairmatchError
        As for :func:`make_folder`.
    """
    path = Path(folder)
    missing = [place for place in (path, *path.parents) if not has_folder(place)]
    try:
        make_folder(folder)
    finally:
        for place in missing:  # the innermost first
            with suppress(OSError):  # was never made, or somebody has put something into it
                place.rmdir()
