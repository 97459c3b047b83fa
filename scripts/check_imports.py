"""Check that imports point down, never in a circle, and that running a model needs no torch.

Reads the source as text; imports nothing of it. The rules stand in docs/architecture.md.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
PACKAGE = "cellwright"

FLOORS = [
    {"_arguments", "_compiling", "_errors", "_files", "_progress", "_types", "_words", "_workers"},
    {"networks", "measure", "metrics", "images", "simulation"},
    {"methods", "datasets", "reports"},
    {"training", "inference", "tracking", "quality"},
    {"models"},
    {"runs"},
    {"api", "cli", "studio", "__main__"},
]
"""From the ground up. A folder imports from floors below, from itself, and from its neighbours
as long as that makes no circle of folders. `cellwright` itself holds the version and, lazily,
the public names: everybody may import it."""

TORCH = {"torch", "onnx", "tensorboardX"}
RUNNING = ("cli.segment", "cli.measure", "cli.demo", "cli.doctor", "api", "inference", "quality")
LIGHT = {"click"}
"""What may be imported, besides the standard library, when the program only prints its help."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement: where it stands, what it names, whether it runs on import."""

    module: str
    line: int
    target: str
    at_import: bool


def main() -> int:
    """Print every violation; return 1 if there is one."""
    modules = {name_of(path): path for path in sorted((SOURCE / PACKAGE).rglob("*.py"))}
    imports = [found for name, path in modules.items() for found in imports_of(name, path)]
    inside = [(found, home) for found in imports if (home := owner(found.target, modules))]
    problems = [
        *upward(inside),
        *circles(inside),
        *torch_when_running(imports, inside, modules),
        *heavy_at_root(imports, inside),
    ]
    print("\n".join(problems) or f"{len(modules)} modules: every import points down.")
    return 1 if problems else 0


def name_of(path: Path) -> str:
    """Return the dotted name of the module at `path`."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(module: str, path: Path) -> Iterator[Import]:
    """Yield what a module imports, also inside functions, but not for type checking only."""
    for node, at_import in walk(ast.parse(path.read_text(encoding="utf-8")).body, True):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, node.lineno, alias.name, at_import)
        elif node.level:
            yield Import(module, node.lineno, "." * node.level, at_import)
        else:
            for alias in node.names:
                yield Import(module, node.lineno, f"{node.module}.{alias.name}", at_import)


def walk(
    body: list[ast.stmt], at_import: bool
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Yield import statements and whether they run when the module is imported."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, at_import
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from walk(node.orelse, at_import)
            continue
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, field, [])
            if isinstance(inner, list):
                yield from walk(inner, at_import and not later)


def owner(target: str, modules: dict[str, Path]) -> str | None:
    """Return the module of ours that `target` (a module or a name in one) belongs to."""
    if target in modules:
        return target
    parent = target.rpartition(".")[0]
    return parent if parent in modules else None


def folder_of(module: str) -> str:
    """Return the folder (or top module) that a module belongs to; empty for the package."""
    return module.split(".")[1] if "." in module else ""


def floor_of(folder: str) -> int | None:
    """Return on which floor a folder lies."""
    return next((level for level, names in enumerate(FLOORS) if folder in names), None)


def upward(inside: list[tuple[Import, str]]) -> Iterator[str]:
    """Yield imports from a higher floor, and folders that lie on none."""
    for found, home in inside:
        here, there = folder_of(found.module), folder_of(home)
        if here == there or "" in (here, there):
            continue
        low, high = floor_of(here), floor_of(there)
        if low is None or high is None:
            yield f"{found.module}:{found.line}: '{here if low is None else there}' has no floor"
        elif high > low:
            yield f"{found.module}:{found.line}: imports {home}, which lies above"


def circles(inside: list[tuple[Import, str]]) -> Iterator[str]:
    """Yield circles of modules, and of folders that lie side by side, at whatever depth."""
    modules: dict[str, set[str]] = {}
    folders: dict[str, set[str]] = {}
    files = {name for found, home in inside for name in (found.module, home)}
    for found, home in inside:
        if home == found.module or "" in (folder_of(found.module), folder_of(home)):
            continue
        modules.setdefault(found.module, set()).add(home)
        here, there = where_they_part(found.module, home)
        if here != there and files.isdisjoint((here, there)):
            folders.setdefault(here, set()).add(there)
    for graph in (modules, folders):
        if circle := first_circle(graph):
            yield f"circle: {' → '.join(circle)}"


def where_they_part(one: str, other: str) -> tuple[str, str]:
    """Return the folders (or modules) side by side in one folder that two modules belong to."""
    first, second = one.split("."), other.split(".")
    shared = next(
        (k for k, (a, b) in enumerate(zip(first, second, strict=False)) if a != b),
        min(len(first), len(second)) - 1,
    )
    return ".".join(first[: shared + 1]), ".".join(second[: shared + 1])


def first_circle(graph: dict[str, set[str]]) -> list[str] | None:
    """Return one circle in a directed graph, or None."""
    finished: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str] | None:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in finished:
            return None
        for following in sorted(graph.get(node, ())):
            if circle := visit(following, [*path, node]):
                return circle
        finished.add(node)
        return None

    return next((circle for node in sorted(graph) if (circle := visit(node, []))), None)


def torch_when_running(
    imports: list[Import], inside: list[tuple[Import, str]], modules: dict[str, Path]
) -> Iterator[str]:
    """Yield torch (or what comes with training) anywhere on the way from running a model."""
    starts = [name for name in modules if name.removeprefix(f"{PACKAGE}.").startswith(RUNNING)]
    running = reachable(starts, inside)
    for found in imports:
        if found.module in running and found.target.split(".")[0] in TORCH:
            yield f"{found.module}:{found.line}: imports {found.target} on the running path"


def heavy_at_root(imports: list[Import], inside: list[tuple[Import, str]]) -> Iterator[str]:
    """Yield what ``import cellwright`` and ``cellwright --help`` would load needlessly."""
    roots = [PACKAGE, f"{PACKAGE}.cli", f"{PACKAGE}.cli.program"]
    loaded = reachable(roots, [pair for pair in inside if pair[0].at_import])
    allowed = sys.stdlib_module_names | LIGHT | {PACKAGE}
    for found in imports:
        if found.module in loaded and found.at_import:
            library = found.target.split(".")[0]
            if library not in allowed:
                yield f"{found.module}:{found.line}: imports {library} at start-up"


def reachable(starts: list[str], inside: list[tuple[Import, str]]) -> set[str]:
    """Return the modules that are imported, directly or not, from `starts`."""
    following: dict[str, set[str]] = {}
    for found, home in inside:
        following.setdefault(found.module, set()).add(home)
    seen: set[str] = set()
    todo = list(starts)
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo += following.get(module, ())
    return seen


if __name__ == "__main__":
    sys.exit(main())
