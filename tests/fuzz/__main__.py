"""Coverage-guided fuzzing, where atheris is installed: `python -m tests.fuzz frame -max_total_time=600`.

Without atheris: `pytest -m slow tests/fuzz`, which mutates the same corpora blindly. What atheris finds goes into
corpus/<target>/ under a name that says what it is, and from then on every run of the tests feeds it.
"""

import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path


def main() -> int:
    from tests.fuzz.targets import TARGETS

    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        print(f"python -m tests.fuzz {'|'.join(TARGETS)} [libFuzzer options]", file=sys.stderr)
        return 2
    if find_spec("atheris") is None:
        print("atheris is not installed (pip install atheris); pytest -m slow tests/fuzz needs none.", file=sys.stderr)
        return 2
    import atheris  # type: ignore[import-not-found,unused-ignore]  # a development tool

    name, options = sys.argv[1], sys.argv[2:]
    atheris.instrument_all()
    with tempfile.TemporaryDirectory() as found:  # what it learns is not the corpus that is kept
        shutil.copytree(Path(__file__).with_name("corpus") / name, found, dirs_exist_ok=True)
        atheris.Setup([sys.argv[0], found, *options], TARGETS[name])
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
