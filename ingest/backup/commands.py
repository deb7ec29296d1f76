"""`tallybook backup` and `tallybook restore`: what they print, and their exit codes."""

import json
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.backup import check, folder
from ingest.backup.folder import Backup
from ingest.backup.model import BackupFailed, RestoreRefused, Stopped
from ingest.backup.restore import RestoreOptions, restore
from ingest.backup.service import BackupOptions, MadeBackup, back_up
from ingest.clock import now
from ingest.ledger.engine import LedgerError
from ingest.ledger.verification import Finding
from ingest.logs import logger
from ingest.parse.durations import read_duration
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, current_user, refuse, say, stopping_on_signals, warn

_log = logger("tallybook.backup")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupCommand:
    """The options of `tallybook backup`."""

    destination: str
    keep: int | None = None
    every: str | None = None
    is_verified: bool = False
    is_check: bool = False
    """Whether a backup that is there is verified, and none is made."""
    pg_dump: str | None = None
    as_json: bool = False


def run(command: BackupCommand) -> int:
    """Make a backup, or a backup again and again, or verify a backup; the exit code."""
    every = None if command.every is None else read_duration(command.every)
    if command.every is not None and every is None:
        return refuse("backup", f"--every: {command.every!r} is no length of time; write 30m, 6h or 1d")
    if command.is_check and (command.every or command.keep):
        return refuse("backup", "--verify-only makes no backup: leave out --every and --keep")
    settings = Settings()
    if command.is_check:
        return _check(settings, Path(command.destination), as_json=command.as_json)
    options = BackupOptions(
        destination=Path(command.destination),
        keep=command.keep,
        is_verified=command.is_verified,
        pg_dump=command.pg_dump,
    )
    with stopping_on_signals() as stop:
        if every is None:
            return _make(settings, options, stop, as_json=command.as_json)
        return _follow(settings, options, every, stop, as_json=command.as_json)


def _follow(
    settings: Settings, options: BackupOptions, every: int, stop: threading.Event, *, as_json: bool
) -> int:
    """Make a backup now and every `every` seconds, whatever becomes of each, until it is stopped."""
    while not stop.is_set():
        begun = time.monotonic()
        try:
            _make(settings, options, stop, as_json=as_json)
        except Exception as error:  # noqa: BLE001 - the next round must come; the error is logged
            _log.exception("backup failed", error=type(error).__qualname__)
        sys.stdout.flush()
        stop.wait(max(0.0, begun + every - time.monotonic()))
    return ExitCode.OK


def _make(settings: Settings, options: BackupOptions, stop: threading.Event, *, as_json: bool) -> int:
    begun = time.perf_counter()
    try:
        with console(stderr=True).status("copying") as status:

            def show(left: int, pages: int) -> None:
                status.update(f"copying: {100 * (pages - left) // max(pages, 1)}%")

            made = back_up(settings, options, at=now(), stop=stop, progress=show)
    except Stopped:
        warn("tallybook backup: interrupted: nothing of this backup is left")
        return ExitCode.INTERRUPTED
    except (BackupFailed, LedgerError) as error:
        return refuse("backup", error, ExitCode.FAILURE)
    seconds = time.perf_counter() - begun
    for warning in made.warnings:
        warn(f"tallybook backup: note: {warning}")
    if as_json:
        sys.stdout.write(json.dumps(_as_json(made, seconds), ensure_ascii=False) + "\n")
    else:
        _print(made, seconds)
    return ExitCode.FAILURE if _has_errors(made.findings) else ExitCode.OK


def _has_errors(findings: list[Finding] | None) -> bool:
    return any(finding.level == "error" for finding in findings or [])


def _as_json(made: MadeBackup, seconds: float) -> dict[str, Any]:
    return {
        **_facts(made.backup),
        "seconds": round(seconds, 3),
        "verified": not _has_errors(made.findings) if made.is_verified else None,
        "findings": _findings_json(made.findings),
        "removed": [str(path) for path in made.removed],
        "warnings": made.warnings,
    }


def _facts(backup: Backup) -> dict[str, Any]:
    manifest = backup.manifest
    if manifest is None:
        return {"path": str(backup.path)}
    return {
        "path": str(backup.path),
        "made_at": manifest.made_at,
        "bytes": manifest.size,
        "schema": manifest.contents.schema,
        "counts": dict(manifest.contents.counts),
        "total_picos": dict(manifest.contents.total_picos),
    }


def _findings_json(findings: list[Finding] | None) -> list[dict[str, str]]:
    return [{"invariant": f.invariant, "level": f.level, "detail": f.detail} for f in findings or []]


def _print(made: MadeBackup, seconds: float) -> None:
    say(f"{_sentence(made.backup)} in {seconds:.1f} s")
    if made.is_verified:
        _print_findings(made.findings)
    if made.removed:
        say(f"removed: {', '.join(path.name for path in made.removed)}")


def _sentence(backup: Backup) -> str:
    manifest = backup.manifest
    assert manifest is not None
    events = manifest.contents.counts.get("events", 0)
    return f"{backup.path}: {events:,} calls, {manifest.size:,} bytes"


def _print_findings(findings: list[Finding] | None) -> None:
    for finding in findings or []:
        say(f"{finding.level}: {finding.invariant}: {finding.detail}")
    if findings is None:
        said = "its invariants can be checked after a restore"
    elif _has_errors(findings):
        said = "an invariant of the ledger does not hold; older backups stay"
    else:
        said = "all invariants hold"
    say(f"verified: the copy is whole, {said}")


def _check(settings: Settings, path: Path, *, as_json: bool) -> int:
    """Verify the backup in a folder, or the newest in a folder of backups; the exit code."""
    try:
        backup = folder.newest(path)
        wrong = check.problems(backup)
        findings = None if wrong else check.findings(backup, settings)
    except (BackupFailed, LedgerError) as error:
        return refuse("backup", error, ExitCode.FAILURE)
    failed = bool(wrong) or _has_errors(findings)
    if as_json:
        found = {"verified": not failed, "problems": wrong, "findings": _findings_json(findings)}
        sys.stdout.write(json.dumps({**_facts(backup), **found}, ensure_ascii=False) + "\n")
    elif wrong:
        for problem in wrong:
            refuse("backup", f"{backup.path} is not whole: {problem}")
    else:
        say(_sentence(backup))
        _print_findings(findings)
    return ExitCode.FAILURE if failed else ExitCode.OK


def run_restore(options: RestoreOptions, *, as_json: bool) -> int:
    """Restore a backup; the exit code."""
    with stopping_on_signals() as stop:
        try:
            restored = restore(Settings(), options, by=current_user(), at=now(), stop=stop)
        except Stopped:
            warn("tallybook restore: interrupted: nothing was changed")
            return ExitCode.INTERRUPTED
        except (RestoreRefused, BackupFailed, LedgerError) as error:
            return refuse("restore", error, ExitCode.FAILURE)
    for warning in restored.warnings:
        warn(f"tallybook restore: note: {warning}")
    if as_json:
        facts = {
            **_facts(restored.backup),
            "ledger": restored.ledger,
            "aside": None if restored.aside is None else str(restored.aside),
            "warnings": restored.warnings,
        }
        sys.stdout.write(json.dumps(facts, ensure_ascii=False) + "\n")
        return ExitCode.OK
    say(f"{restored.ledger} is the ledger of {_sentence(restored.backup)}")
    if restored.aside is not None:
        say(f"the ledger that was there is now {restored.aside}")
    return ExitCode.OK
