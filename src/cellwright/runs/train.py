"""``cellwright train``: from annotated images to a model package and a report about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cellwright._errors import DatasetError, UsageError
from cellwright._files import write_text
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.leaks import check_leaks
from cellwright.datasets.records import Dataset, Example
from cellwright.datasets.splits import split_dataset
from cellwright.datasets.summary import Summary, summarise
from cellwright.images.normalise import Normalisation
from cellwright.methods.offsets.recipe import OffsetsRecipe
from cellwright.models.card import RGB, InputContract, ModelCard
from cellwright.models.export import export_network, network_facts
from cellwright.models.model import Model
from cellwright.models.package import CARD, FILES, Package, load_package, save_package
from cellwright.networks.registry import network_from_dict
from cellwright.runs.charts import Curve
from cellwright.runs.doctor import versions
from cellwright.runs.evaluate import Evaluation
from cellwright.runs.folder import Plan, RunFolder, now, open_run
from cellwright.runs.learning import MONITOR, Learning, Validation
from cellwright.runs.report import Number, ValidationExample, training_report
from cellwright.runs.results import command_line
from cellwright.runs.scoring import files_of, score
from cellwright.runs.tuning import tuned_card
from cellwright.training.fit import CHECKPOINT, HISTORY, FitRecord, fit
from cellwright.training.settings import FitSettings
from cellwright.training.verdict import verdict

REPORT_FILE = "report.html"
FIT_FOLDER = "training"
DEFAULT_STEPS = 2000
RECIPES = {"offsets": OffsetsRecipe}

_LOOKED_AT = 200  # training images from which the size of objects is learned
_LEAKS_LOOKED_FOR = 300  # images up to which pictures are compared, not only names and groups
_PICTURED = 4  # best and worst validation images in the report, of each
_COMFORT = (0.6, 1.6)  # of the typical diameter: the least range that a network is trained for
_DIAMETERS = (12.0, 48.0)  # px; larger objects are reduced, smaller ones magnified


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a training depends on, besides the images.

    Parameters
    ----------
    method : str
        How objects are described to the network; one of `RECIPES`.
    network : mapping
        Options of the U-Net that differ from its defaults, such as ``{"width": 48}``.
    steps : int, optional
    minutes : float, optional
        The budget; `DEFAULT_STEPS` when neither is given.
    seed : int
        Of every random choice.
    batch_size : int
        Patches in one step.
    patch : int
        Side of a patch in px.
    strength : str
        Of the augmentation: ``"none"``, ``"light"``, ``"standard"`` or ``"strong"``.
    learning_rate : float
    axes : str, optional
        Axes of the images where the files do not say.
    name : str, optional
        Of the model; made from the name of the output folder by default.
    """

    method: str = "offsets"
    network: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    batch_size: int = 4
    patch: int = 256
    strength: str = "standard"
    learning_rate: float = 2e-3
    axes: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if self.method not in RECIPES:
            raise UsageError(
                f"There is no method '{self.method}' to train; choose from {', '.join(RECIPES)}."
            )

    @property
    def budget(self) -> dict[str, Any]:
        """Steps or minutes, as `FitSettings` takes them."""
        if self.steps is None and self.minutes is None:
            return {"steps": DEFAULT_STEPS}
        return {"steps": self.steps, "minutes": self.minutes}


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What came of a training.

    Parameters
    ----------
    folder : Path
        The model package, with the report beside it.
    package : Package
    warnings : tuple of str
        What the user should know about data and training.
    """

    folder: Path
    package: Package
    warnings: tuple[str, ...] = ()


def train(
    dataset: Path,
    out: Path,
    options: TrainOptions | None = None,
    *,
    device: str = "auto",
    workers: int = 0,
    threads: int | None = None,
    overwrite: bool = False,
) -> TrainResult:
    """Train a model on annotated images.

    Called again after an interruption, it goes on where it was.

    Parameters
    ----------
    dataset : Path
        A folder of images with numbered objects. Without validation images, a fifth of the
        images is set aside, groups undivided.
    out : Path
        The model package to be made; ``report.html`` in it tells how the training went.
    options : TrainOptions, optional
    device : {"auto", "cpu", "cuda"}
    workers : int
        Processes that prepare images.
    threads : int, optional
        CPU threads of the network.
    overwrite : bool
        Replace the results of another run in `out`.

    Returns
    -------
    TrainResult

    Raises
    ------
    DatasetError
        If images or labels cannot be used, or are too few to be divided.
    OutputError
        If `out` holds something else.
    TrainingError
        If the training cannot go on.
    """
    options = options or TrainOptions()
    divided, notes = divided_dataset(open_dataset(dataset, options.axes), options.seed)
    plan = Plan(
        command="train",
        inputs=files_of(divided.examples),
        parameters={**asdict(options), "network": dict(options.network)},
        files=(CARD, *FILES, REPORT_FILE, f"{FIT_FOLDER}/{CHECKPOINT}", f"{FIT_FOLDER}/{HISTORY}"),
    )
    folder, finished = open_run(out, plan, overwrite=overwrite, command_line=command_line())
    if finished is not None:
        return TrainResult(out, load_package(out), tuple(finished["warnings"]))
    learning, contract, problems = _prepare(divided, options, workers)
    settings = FitSettings(
        **options.budget,
        seed=options.seed,
        learning_rate=options.learning_rate,
        monitor=MONITOR,
        higher_is_better=True,
        device=device,
        threads=threads,
    )
    network = network_from_dict(
        {
            "name": "unet",
            **options.network,
            "in_channels": len(contract.channels),
            "out_channels": len(learning.recipe.readout.outputs),
        },
        seed=options.seed,
    )
    record = fit(
        network,
        learning.step_loss,
        learning.train_batches,
        Validation(learning),
        settings,
        out / FIT_FOLDER,
    )
    files = export_network(network, contract.normalisation)
    draft = ModelCard(
        name=options.name or _name_of(out),
        version="1.0.0",
        description=f"Finds the objects annotated in '{divided.root.name}'.",
        task="instances",
        method=options.method,
        readout=asdict(learning.recipe.readout),
        network=network_facts(network),
        input=contract,
        training=_training_facts(learning, record, options),
        limits=_limits(divided, contract),
    )
    tuned = tuned_card(draft, files, learning.validation, options.seed)
    evaluation = _evaluated(tuned, files, learning.validation)
    card = replace(tuned, evaluation=_summary(evaluation))
    package = save_package(out, card, files)
    warnings = (*notes, *problems)
    report = _report(package, learning, record, evaluation, warnings, options, folder)
    write_text(out / REPORT_FILE, report)
    (out / FIT_FOLDER / CHECKPOINT).unlink(missing_ok=True)
    written = [CARD, *FILES, REPORT_FILE]
    folder.finish(
        versions=versions(), warnings=warnings, images=[{"image": card.name, "files": written}]
    )
    return TrainResult(out, package, warnings)


def divided_dataset(dataset: Dataset, seed: int) -> tuple[Dataset, list[str]]:
    """Return the annotated examples, some of them for validation, and what is to be said.

    Raises
    ------
    DatasetError
        If the labels do not number objects, or there are too few images to set some aside.
    """
    if dataset.task != "instances":
        raise DatasetError(
            f"'{dataset.root}' is annotated with {dataset.task}; training needs numbered objects."
        )
    annotated = tuple(example for example in dataset.examples if example.labels is not None)
    dataset = replace(dataset, examples=annotated)
    notes = list(dataset.notes)
    if not dataset.splits.get("val"):
        # Test images stay what they are; the others are divided anew.
        free = tuple(replace(e, split=None) if e.split == "train" else e for e in annotated)
        dataset = split_dataset(replace(dataset, examples=free), seed=seed)
        notes.append(
            f"The dataset has no validation images: {dataset.splits['val']} of {len(annotated)} "
            "were set aside by chance."
        )
    elif dataset.splits.get("unassigned"):
        raise DatasetError(
            f"{dataset.splits['unassigned']} images of '{dataset.root}' belong to no split. "
            "Assign them with 'cellwright data split'."
        )
    leaks = check_leaks(dataset, look=len(dataset) <= _LEAKS_LOOKED_FOR)
    if leaks:
        notes.append(
            f"{len(leaks)} pairs of images in different splits are not independent (first: "
            f"{leaks[0]}); the scores flatter the model."
        )
    return dataset, notes


def _prepare(
    dataset: Dataset, options: TrainOptions, workers: int
) -> tuple[Learning, InputContract, tuple[str, ...]]:
    """Look at the training images and decide how they are to be learned."""
    training, validation = dataset.part("train"), dataset.part("val")
    rng = np.random.default_rng(options.seed)
    some = rng.permutation(len(training))[:_LOOKED_AT]
    summary = summarise(replace(dataset, examples=tuple(training[i] for i in some)))
    if not summary.diameters:
        first = f" ({summary.problems[0]})" if summary.problems else ""
        raise DatasetError(f"No training image of '{dataset.root}' has a usable object{first}.")
    contract = _contract(summary)
    learning = Learning(
        recipe=RECIPES[options.method](),
        train=training,
        validation=validation,
        normalisation=contract.normalisation,
        augmentation=replace(
            augmentation(options.strength), diameter_range=contract.diameter_range
        ),
        channels=len(contract.channels),
        patch=options.patch,
        batch_size=options.batch_size,
        seed=options.seed,
        workers=workers,
    )
    return learning, contract, summary.problems


def _contract(summary: Summary) -> InputContract:
    """Decide which channels and which size of objects the network is to see."""
    counts = {int(channels) for channels in summary.channels}
    colours = 3 in counts and counts <= {1, 3}
    if len(counts) > 1 and not colours:
        raise DatasetError(
            "The training images differ in their number of channels "
            f"({', '.join(map(str, sorted(counts)))}). Train on images of one kind."
        )
    (count,) = {3} if colours else counts
    names = RGB if colours else ("grey",) if count == 1 else _numbered(count)
    diameters = np.array(summary.diameters)
    typical = float(np.clip(np.median(diameters), *_DIAMETERS))
    low, high = np.clip(np.percentile(diameters, [5, 95]), *_DIAMETERS)
    return InputContract(
        channels=names,
        normalisation=Normalisation(joint=colours),
        diameter=round(typical, 1),
        diameter_range=(
            round(min(float(low), _COMFORT[0] * typical), 1),
            round(max(float(high), _COMFORT[1] * typical), 1),
        ),
    )


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"channel {number}" for number in range(count))


def _training_facts(learning: Learning, record: FitRecord, options: TrainOptions) -> dict[str, Any]:
    return {
        "images": len(learning.train),
        "validation images": len(learning.validation),
        "steps": record.steps,
        "best step": record.best_step,
        "seconds": round(record.seconds, 1),
        "device": record.device,
        "seed": options.seed,
        "batch size": options.batch_size,
        "patch": options.patch,
        "augmentation": options.strength,
        "finished": now(),
        "versions": versions(),
        "last validation": dict(record.history[-1]) if record.history else {},
    }


def _limits(dataset: Dataset, contract: InputContract) -> str:
    kinds = f" ({', '.join(dataset.kinds)})" if dataset.kinds else ""
    return (
        f"Made for images like those in '{dataset.root.name}'{kinds}, with objects about "
        f"{contract.diameter:g} px across after scaling. Check other images by eye."
    )


def _evaluated(
    card: ModelCard, files: Mapping[str, bytes], examples: Sequence[Example]
) -> Evaluation:
    evaluation = Evaluation()
    for scored in score(Model(Package(card, files, "", card.name)), examples):
        evaluation.add(scored)
    return evaluation


def _summary(evaluation: Evaluation) -> dict[str, Any]:
    """Return the figures of the model's card."""
    metrics = evaluation.to_json()
    figures = {
        "of": "validation images, on which thresholds and confidence were also chosen",
        "images": metrics["images"],
        "objects": metrics["true_objects"],
    }
    for threshold in ("0.5", "0.75", "0.9"):
        for how in ("per_image", "pooled"):
            precision = metrics[how][threshold]["average_precision"]
            figures[f"AP@{threshold} {how.replace('_', ' ')}"] = round(precision, 4)
    figures["panoptic quality"] = round(metrics["pooled"]["0.5"]["panoptic_quality"], 4)
    for kind, scores in metrics["per_kind"].items():
        precision = scores["per_image"]["0.5"]["average_precision"]
        figures[f"AP@0.5 per image, {kind}"] = round(precision, 4)
    return figures


def _report(
    package: Package,
    learning: Learning,
    record: FitRecord,
    evaluation: Evaluation,
    warnings: Sequence[str],
    options: TrainOptions,
    folder: RunFolder,
) -> str:
    card = package.card
    precision = card.evaluation
    return training_report(
        title=f"The model '{card.name}'",
        subtitle=f"Trained on {len(learning.train):,} images, checked on "
        f"{len(learning.validation):,} others",
        overview=[
            Number("AP@0.5 per image", f"{precision['AP@0.5 per image']:.3f}"),
            Number("AP@0.5 pooled", f"{precision['AP@0.5 pooled']:.3f}"),
            Number("AP@0.75 per image", f"{precision['AP@0.75 per image']:.3f}"),
            Number("panoptic quality", f"{precision['panoptic quality']:.3f}"),
            Number("steps", f"{record.steps:,}"),
            Number("time", f"{record.seconds / 60:.1f}", "min"),
        ],
        verdict=[verdict(record.history).text, *warnings],
        curves=_curves(record),
        examples=_pictured(package, learning, evaluation),
        settings={
            "Training": asdict(options) | {"network": dict(card.network.config)},
            "Model": {
                "objects": f"{card.input.diameter:g} px across",
                "least confidence": card.threshold,
                **card.readout,
            },
            "Versions": versions(),
        },
        command_line=folder.command_line,
    )


def _curves(record: FitRecord) -> list[Curve]:
    def line(name: str) -> tuple[list[float], list[float]]:
        rows = [row for row in record.history if name in row]
        return [row["step"] for row in rows], [row[name] for row in rows]

    return [
        Curve(
            "Loss",
            "step",
            "loss",
            {"training": line("train_loss"), "validation": line("validation_loss")},
        ),
        Curve(
            "Objects found in validation patches",
            "step",
            "AP at IoU 0.5",
            {"validation": line(f"validation_{MONITOR}")},
        ),
    ]


def _pictured(
    package: Package, learning: Learning, evaluation: Evaluation
) -> list[ValidationExample]:
    """Return the worst and the best validation images with what was found in them."""
    table = evaluation.table()
    order = np.argsort(table["AP@0.5"], kind="stable")
    chosen = list(dict.fromkeys([*order[:_PICTURED], *order[-_PICTURED:]]))
    examples = [learning.validation[index] for index in chosen]
    return [
        ValidationExample(
            name=scored.example.id,
            note=f"AP@0.5 {table['AP@0.5'][index]:.2f}, "
            f"{table['true_objects'][index]} objects annotated, "
            f"{table['predicted_objects'][index]} found",
            image=scored.image,
            truth=scored.truth,
            predicted=scored.labels,
        )
        for index, scored in zip(chosen, score(Model(package), examples), strict=True)
    ]


def _name_of(out: Path) -> str:
    plain = re.sub(r"[^a-z0-9_-]+", "-", out.resolve().stem.lower()).strip("-_")
    return plain[:64] or "model"
