"""Files on whatever file system holds them: local folders and URIs that Arrow knows."""

import os
import uuid

import pyarrow.fs

from sda_spark.errors import DataError, bad_file, input_changed

_filesystems = {}


def locate(location):
    """The file system and the path inside it. File systems are kept: opening one may mean logging in."""
    if "://" not in location:
        return _filesystems.setdefault("", pyarrow.fs.LocalFileSystem()), location
    scheme, rest = location.split("://", 1)
    key = (scheme, rest.split("/", 1)[0], rest.partition("?")[2])
    filesystem, path = pyarrow.fs.FileSystem.from_uri(location)
    return _filesystems.setdefault(key, filesystem), path


def open_input(path):
    filesystem, inside = locate(path)
    try:
        return filesystem.open_input_file(inside)
    except FileNotFoundError:
        raise DataError(bad_file(path, "INPUT_NOT_FOUND", "does not exist")) from None
    except OSError as error:
        raise DataError(bad_file(path, "INPUT_UNREADABLE", str(error))) from None


def check_unchanged(file):
    """`file` is as the plan has it; nothing of an input may change while the job goes over it."""
    filesystem, inside = locate(file["path"])
    info = filesystem.get_file_info(inside)
    if info.size != file["bytes"]:
        raise DataError(input_changed(file["path"]))
    if file["modified_nanos"] > 0 and info.mtime_ns is not None and info.mtime_ns != file["modified_nanos"]:
        raise DataError(input_changed(file["path"]))


class Store:
    """The artefact root. Paths are relative to it."""

    def __init__(self, root):
        self.filesystem, inside = locate(root)
        self.base = inside.rstrip("/")
        self.is_local = isinstance(self.filesystem, pyarrow.fs.LocalFileSystem)

    def write(self, path, data):
        """Publishes a file whole or not at all; safe when several attempts of a task write the same bytes."""
        target = f"{self.base}/{path}"
        folder, name = target.rsplit("/", 1)
        if isinstance(self.filesystem, pyarrow.fs.S3FileSystem):
            # Object stores show an object when it is complete.
            with self.filesystem.open_output_stream(target) as stream:
                stream.write(data)
            return
        self.filesystem.create_dir(folder, recursive=True)
        # Names that begin with a dot are not listed as anybody's.
        beside = f"{folder}/.{name}.{uuid.uuid4().hex}"
        if self.is_local:
            self._write_local(beside, target, data)
            return
        try:
            with self.filesystem.open_output_stream(beside) as stream:
                stream.write(data)
            self._move(beside, target)
        except BaseException:
            self.filesystem.delete_file(beside)
            raise

    @staticmethod
    def _write_local(beside, target, data):
        try:
            with open(beside, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(beside, target)
        except BaseException:
            if os.path.exists(beside):
                os.unlink(beside)
            raise

    def _move(self, beside, target):
        try:
            self.filesystem.move(beside, target)
        except OSError:
            # Some file systems do not replace: another attempt has published the same bytes.
            if self.filesystem.get_file_info(target).type != pyarrow.fs.FileType.File:
                raise
            self.filesystem.delete_file(beside)

    def read(self, path):
        with self.filesystem.open_input_file(f"{self.base}/{path}") as stream:
            return stream.read()
