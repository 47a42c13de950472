"""A verifier of transparency logs made of the package aics-tlog. It knows nothing of Countersign.

    verify.py verify-log --vkey V [--old CHECKPOINT]... DIR
    verify.py verify-proof --vkey V --entry FILE PROOF.tlog-proof

It prints a line for each check that passed. If one fails, it says `refused: ` and why, and exits 1;
2 is wrong usage, and a traceback with 70 a defect of this program.
"""

import argparse
import base64
import re
import sys
import traceback
from pathlib import Path

from aics_tlog import (
    Checkpoint,
    FileSystemTileReader,
    VerifiedTileReader,
    audit_tiles,
    consistency_proof_from_tiles,
    inclusion_proof_from_tiles,
    parse_note,
    parse_vkey,
    verify_checkpoint,
    verify_consistency,
    verify_leaf_inclusion,
)
from aics_tlog.note import b64_decode
from aics_tlog.tiles import (
    TileVerificationError,
    parse_entry_bundle,
    parse_entry_bundle_path,
    parse_tile_path,
    tile_path,
    tile_width_at,
)

PROOFS = 16
"""How many entries are proved to be in the tree, spread over all of it."""


class Refused(Exception):
    """What is wrong with the log."""


class ExactReader(FileSystemTileReader):
    """Takes a tile only at its exact length; aics-tlog cuts off what follows a partial one."""

    def read_tile(self, level: int, index: int, width: int | None) -> bytes | None:
        tile = super().read_tile(level, index, width)
        if tile is not None and len(tile) != 32 * (width or 256):
            raise TileVerificationError(f"{tile_path(level, index, width)} has {len(tile)} bytes")
        return tile


def passed(check: str, details: str) -> None:
    print(f"{check}: {details}")


def open_checkpoint(signed: bytes, vkey: str) -> Checkpoint:
    """Verifies the signature, and that it is of the log that the key is named after."""
    key = parse_vkey(vkey)
    try:
        note = parse_note(signed)
    except ValueError as error:
        raise Refused(f"checkpoint: {error}") from error
    result = verify_checkpoint(note, key, expected_origin=key.name)
    if not result.ok:
        raise Refused(f"signature: {result.error}")
    return Checkpoint(result.origin, result.size, result.root)


def check_consistency(path: Path, vkey: str, tree: Checkpoint, reader: VerifiedTileReader) -> None:
    """Verifies that a tree that was signed before is the beginning of this one."""
    old = open_checkpoint(path.read_bytes(), vkey)
    if old.size > tree.size:
        raise Refused(f"{old.size} entries were signed before, now there are {tree.size}")
    proof = consistency_proof_from_tiles(reader, old.size, tree.size)
    if not verify_consistency(old.size, tree.size, old.root, tree.root, proof):
        raise Refused(f"the tree of {old.size} entries is not the beginning of this one")
    passed("consistency", f"with {old.size} entries")


def check_inclusion(tree: Checkpoint, reader: VerifiedTileReader) -> None:
    spread = {tree.size * part // PROOFS for part in range(PROOFS)} | {tree.size - 1}
    indexes = sorted(spread) if tree.size else []
    for index in indexes:
        proof = inclusion_proof_from_tiles(reader, index, tree.size)
        entry = reader.entry(index)
        if not verify_leaf_inclusion(entry, index, tree.size, proof, tree.root):
            raise Refused(f"entry {index} is not in the tree")
    passed("inclusion", f"{len(indexes)} proofs")


def check_older(root: Path, tree: Checkpoint) -> None:
    """Compares each partial tile and bundle that an older checkpoint needed, and that is still
    there, with the beginning of what the tree has in its place. What is beyond the tree is for a
    checkpoint that is still to come."""
    reader = ExactReader(root)
    count = 0
    for file in root.glob("tile/**/*.p/*"):
        name = file.relative_to(root).as_posix()
        try:
            if name.startswith("tile/entries/"):
                level, (index, width) = 0, parse_entry_bundle_path(name)
            else:
                level, index, width = parse_tile_path(name)
        except ValueError:
            continue
        # None is a full one; -1 is none.
        now = tile_width_at(tree.size, level, index)
        if now == -1 or (now is not None and width >= now):
            continue
        beginning = file.read_bytes()
        if name.startswith("tile/entries/"):
            have, newer = len(parse_entry_bundle(beginning)), reader.read_entry_bundle(index, now)
        else:
            have, newer = len(beginning) / 32, reader.read_tile(level, index, now)
        if have != width or newer is None or not newer.startswith(beginning):
            raise Refused(f"{name} is not the beginning of what is there now")
        count += 1
    passed("older tiles", str(count))


def verify_log(options: argparse.Namespace) -> None:
    signed = (options.path / "checkpoint").read_bytes()
    tree = open_checkpoint(signed, options.vkey)
    passed("checkpoint", f"{tree.size} entries, root {base64.b64encode(tree.root).decode()}")
    files = ExactReader(options.path)
    reader = VerifiedTileReader(files, tree.size, tree.root)
    report = within("tiles", audit_tiles, files, tree.size, tree.root)
    passed("tiles", f"{report.tiles}, with {report.bundles} bundles of entries")
    within("older tiles", check_older, options.path, tree)
    for path in options.old:
        within("consistency", check_consistency, path, options.vkey, tree, reader)
    within("inclusion", check_inclusion, tree, reader)


def verify_proof(options: argparse.Namespace) -> None:
    """Reads what c2sp.org/tlog-proof describes."""
    text = options.path.read_text()
    head = re.fullmatch(
        r"c2sp\.org/tlog-proof@v1\n(?:extra (\S+)\n)?index (0|[1-9][0-9]*)\n((?:\S+\n)*)\n(.*)",
        text,
        re.DOTALL,
    )
    if head is None:
        raise Refused("proof: this is none")
    extra, index, hashes, checkpoint = head.groups()
    decoded = [b64_decode(line) for line in hashes.split()]
    if extra is not None:
        b64_decode(extra)
    tree = open_checkpoint(checkpoint.encode(), options.vkey)
    passed("checkpoint", f"{tree.size} entries, root {base64.b64encode(tree.root).decode()}")
    entry = options.entry.read_bytes()
    if not verify_leaf_inclusion(entry, int(index), tree.size, decoded, tree.root):
        raise Refused(f"inclusion: entry {index} is not in the tree")
    passed("inclusion", f"entry {index}")


def within(check: str, work, *arguments, **more):
    """Runs one check, and says of a refusal which it was."""
    try:
        return work(*arguments, **more)
    except (Refused, TileVerificationError, FileNotFoundError, ValueError) as error:
        raise Refused(f"{check}: {error}") from error


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    commands = parser.add_subparsers(required=True)
    log = commands.add_parser("verify-log")
    log.set_defaults(run=verify_log)
    log.add_argument("--old", type=Path, action="append", default=[])
    proof = commands.add_parser("verify-proof")
    proof.set_defaults(run=verify_proof)
    proof.add_argument("--entry", type=Path, required=True)
    for command in (log, proof):
        command.add_argument("--vkey", required=True)
        command.add_argument("path", type=Path)
    return parser.parse_args()


def main() -> int:
    chosen = options()
    try:
        chosen.run(chosen)
    except (Refused, OSError, ValueError) as error:
        print(f"refused: {error}")
        return 1
    except Exception:
        traceback.print_exc()
        return 70
    return 0


if __name__ == "__main__":
    sys.exit(main())
