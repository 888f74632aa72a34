"""Where outputs go: one file, or a folder in which the parts stay; here, or behind a URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from inference.request import REJECT, ScoreRequest
from mlproject.base.errors import ConfigurationError
from mlproject.base.redaction import redacted
from mlproject.base.stores import Store, local_path
from mlproject.data.encodings import checked
from mlproject.data.remote import is_url, output_address
from mlproject.data.source import file_format

MANIFEST = "_manifest.json"
_ENDINGS = "Give a .csv, .parquet or .jsonl file, or a folder whose name ends in /"


@dataclass(frozen=True)
class OutputFile:
    """One file to write, in a store; messages call it as the user did."""

    store: Store
    name: str
    shown: str = field(compare=False)

    def exists(self) -> bool:
        return self.store.size(self.name) is not None

    def beside(self, ending: str) -> OutputFile:
        """Return the file whose name has an ending more."""
        return OutputFile(self.store, f"{self.name}.{ending}", f"{self.shown}.{ending}")


@dataclass(frozen=True)
class OutputPaths:
    """Where the files of a scoring go.

    Attributes
    ----------
    given : str
        The output as the user wrote it, without secrets.
    folder : Store
        In which the output is; or which is the output, of parts.
    file : OutputFile or None
        The one file of the output; None where the parts stay.
    format, rejects_format : str
    rejects : OutputFile or None
        The one file of rejects, where they are set aside in one.
    """

    given: str
    folder: Store
    file: OutputFile | None
    format: str
    rejects: OutputFile | None = None
    rejects_format: str = "csv"

    @property
    def name(self) -> str:
        """The last part of the output's path."""
        if self.file is not None:
            return self.file.name
        return PurePosixPath(self.folder.location.rstrip("/").replace("\\", "/")).name

    @property
    def manifest(self) -> OutputFile:
        if self.file is None:
            return OutputFile(self.folder, MANIFEST, f"{self.given}{MANIFEST}")
        return self.file.beside("manifest.json")

    @property
    def work(self) -> Store:
        """The folder of what is not complete; held by one process at a time."""
        return self.folder.child("_scoring" if self.file is None else f".{self.file.name}.scoring")


def output_paths(options: ScoreRequest) -> OutputPaths:
    """Return where the files go; what is wrong with the options is told before anything is read."""
    if not options.input:
        raise ConfigurationError("No data is given", "Give --input SOURCE")
    if not options.output:
        raise ConfigurationError(
            "No output is given", "Give --output FILE (.csv, .parquet or .jsonl) or FOLDER/"
        )
    if options.encoding:
        checked(options.encoding)
    _ = options.part_bytes, options.dialect  # which are refused here
    paths = _folder(options) if is_folder(options.output) else _one_file(options)
    if bool(options.run_id) == bool(options.model):
        raise ConfigurationError(
            "--run-id and --model are both given" if options.model else "No model is given",
            "Give --run-id ID or --model URI",
        )
    return paths


def _folder(options: ScoreRequest) -> OutputPaths:
    given = redacted(str(options.output))
    if options.rejects:
        raise ConfigurationError(
            "--rejects is given with a folder as output", f"Rejects go to {given}_rejects/"
        )
    folder = Store.of(output_address(str(options.output)))
    return OutputPaths(given, folder, None, options.format or "parquet")


def _one_file(options: ScoreRequest) -> OutputPaths:
    file, kind = _file(str(options.output), "--output")
    if options.format is not None:
        raise ConfigurationError(
            f"--format is given, and --output {file.shown} is one file",
            "Its extension says the format; for a folder of parts, end its name with /",
        )
    if options.on_error != REJECT:
        if options.rejects:
            raise ConfigurationError("--rejects is given without --on-error reject")
        return OutputPaths(file.shown, file.store, file, kind)
    rejects, rejects_kind = file.beside("rejects.csv"), "csv"
    if options.rejects:
        rejects, rejects_kind = _file(options.rejects, "--rejects")
    if rejects == file:
        raise ConfigurationError("--rejects and --output name the same file")
    return OutputPaths(file.shown, file.store, file, kind, rejects, rejects_kind)


def is_folder(output: str) -> bool:
    """Whether an output is a folder in which parts stay: its name ends in a slash."""
    return output.endswith("/") or (not is_url(output) and output.endswith("\\"))


def _file(given: str, option: str) -> tuple[OutputFile, str]:
    path = None if is_url(given) else local_path(given)
    name = PurePosixPath(given).name if path is None else path.name
    known = file_format(name)
    shown = redacted(given)
    if known is None or known[1] or name.lower().endswith(".ndjson"):
        raise ConfigurationError(f"{option} {shown} has an unknown extension", _ENDINGS)
    if path is None:
        folder = Store.of(output_address(given).rpartition("/")[0])
        return OutputFile(folder, name, shown), known[0]
    return _local_file(path, shown, option), known[0]


def _local_file(path: Path, shown: str, option: str) -> OutputFile:
    if path.is_symlink():
        path = path.resolve()  # what it points to is written, and the link stays
    if path.is_dir():
        raise ConfigurationError(
            f"{option} {shown} is a folder", "Give a file; or end the name with / for parts"
        )
    if not path.parent.is_dir():
        raise ConfigurationError(f"{option}: there is no folder {Path(shown).parent}")
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{option} {shown} is not a regular file", "Give another name")
    return OutputFile(Store.of(str(path.parent)), path.name, shown)
