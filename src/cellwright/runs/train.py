"""``cellwright train``: from annotated images to a model package and a report about it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from cellwright._files import write_text
from cellwright.datasets.augmentation import augmentation
from cellwright.datasets.dataset import open_dataset
from cellwright.datasets.records import Dataset, Example
from cellwright.methods.registry import find_method, new_readout
from cellwright.models.card import InputContract, ModelCard, check_name
from cellwright.models.export import export_network, network_facts, restored_network
from cellwright.models.find import find_model
from cellwright.models.instances import InstanceModel
from cellwright.models.package import (
    CARD,
    FILES,
    NETWORK,
    WEIGHTS,
    Package,
    load_package,
    save_package,
)
from cellwright.networks.network import Network
from cellwright.networks.registry import network_from_dict
from cellwright.networks.transfer import transfer_weights
from cellwright.runs.doctor import versions
from cellwright.runs.evaluate import Evaluation, evaluate_examples, named
from cellwright.runs.folder import Plan, now, open_run
from cellwright.runs.learning import MONITOR, Learning, Validation
from cellwright.runs.prepare import divided_dataset, input_contract, novelty_of
from cellwright.runs.results import command_line
from cellwright.runs.scoring import files_of
from cellwright.runs.train_report import model_report
from cellwright.runs.tuning import tuned_card
from cellwright.training.fit import CHECKPOINT, HISTORY, FitRecord, fit
from cellwright.training.settings import FitSettings

REPORT_FILE = "report.html"
FIT_FOLDER = "training"
DEFAULT_STEPS = 2000


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What a training depends on, besides the images.

    Parameters
    ----------
    method : str
        How objects are described to the network; a name in the registry of methods.
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
    start_from : str, optional
        Name or package of a model whose weights to start from; its network is taken, too, but
        for what `network` says.
    stage_rate, frozen_stages : float, int
        How slowly, or how late, the stages near the pixels learn; see `FitSettings`.
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
    start_from: str | None = None
    stage_rate: float = 1.0
    frozen_stages: int = 0
    axes: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        find_method(self.method)
        if self.name is not None:
            check_name(self.name)

    @property
    def budget(self) -> dict[str, Any]:
        """Steps or minutes, and how often to validate, as `FitSettings` takes them."""
        if self.minutes is not None:
            return {"steps": self.steps, "minutes": self.minutes}
        steps = self.steps or DEFAULT_STEPS
        return {"steps": steps, "validate_every": min(250, max(10, steps // 8))}


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
    start = load_package(find_model(options.start_from)) if options.start_from else None
    plan = Plan(
        command="train",
        inputs=files_of(divided.examples),
        parameters={**asdict(options), "network": dict(options.network)},
        files=(CARD, *FILES, REPORT_FILE, f"{FIT_FOLDER}/{CHECKPOINT}", f"{FIT_FOLDER}/{HISTORY}"),
        model=named(start) if start else None,
    )
    with open_run(out, plan, overwrite=overwrite, command_line=command_line()) as (run, finished):
        if finished is not None:
            return TrainResult(out, load_package(out), tuple(finished["warnings"]))
        contract, problems = input_contract(divided, options.seed)
        learning = _learning(divided, contract, options, workers)
        network = _network(learning, options, start)
        record = fit(
            network,
            learning.step_loss,
            learning.train_batches,
            Validation(learning),
            _settings(options, device, threads),
            out / FIT_FOLDER,
        )
        files = export_network(network, contract.normalisation)
        card = ModelCard(
            name=options.name or _name_of(out),
            version="1.0.0",
            description=f"Finds the objects annotated in '{divided.root.name}'.",
            task="instances",
            method=options.method,
            readout=asdict(learning.recipe.readout),
            network=network_facts(network, files[NETWORK]),
            input=contract,
            novelty=novelty_of(learning.train, options.seed),
            training=_training_facts(learning, record, options, start),
            limits=_limits(divided, contract),
        )
        package, evaluation = _saved(out, card, files, learning.validation, options.seed)
        warnings = (*notes, *problems)
        page = model_report(
            package,
            record,
            learning.validation,
            evaluation,
            warnings,
            plan.parameters,
            run.command_line,
        )
        write_text(out / REPORT_FILE, page)
        (out / FIT_FOLDER / CHECKPOINT).unlink(missing_ok=True)
        written = [{"image": card.name, "files": [CARD, *FILES, REPORT_FILE]}]
        run.finish(versions=versions(), warnings=warnings, images=written)
    return TrainResult(out, package, warnings)


def _learning(
    dataset: Dataset, contract: InputContract, options: TrainOptions, workers: int
) -> Learning:
    variation = augmentation(options.strength)
    assert contract.diameter_range is not None  # objects have sizes
    readout = new_readout(options.method, 2, contract.diameter_range[1])
    return Learning(
        recipe=find_method(options.method).recipe_class()(readout),
        train=dataset.part("train"),
        validation=dataset.part("val"),
        normalisation=contract.normalisation,
        augmentation=replace(variation, diameter_range=contract.diameter_range),
        channels=len(contract.channels),
        patch=options.patch,
        batch_size=options.batch_size,
        seed=options.seed,
        workers=workers,
    )


def _network(learning: Learning, options: TrainOptions, start: Package | None) -> Network:
    """Return the network, with what fits of the weights that it starts from."""
    description = {
        **(start.card.network.config if start else {"name": "unet"}),
        **options.network,
        "in_channels": learning.channels,
        "out_channels": len(learning.recipe.readout.outputs),
    }
    network = network_from_dict(description, seed=options.seed)
    if start:
        source = restored_network(start.card.network, start.files[WEIGHTS])
        transfer_weights(source.state_dict(), network)
    return network


def _settings(options: TrainOptions, device: str, threads: int | None) -> FitSettings:
    return FitSettings(
        **options.budget,
        seed=options.seed,
        learning_rate=options.learning_rate,
        stage_rate=options.stage_rate,
        frozen_stages=options.frozen_stages,
        monitor=MONITOR,
        higher_is_better=True,
        device=device,
        threads=threads,
    )


def _saved(
    out: Path,
    draft: ModelCard,
    files: Mapping[str, bytes],
    validation: Sequence[Example],
    seed: int,
) -> tuple[Package, Evaluation]:
    """Choose what is left to choose on validation images, score the model, and save it."""
    card = tuned_card(draft, files, validation, seed)
    model = InstanceModel(Package(card, files, sha256="", source=card.name))
    evaluation = evaluate_examples(model, validation)
    return save_package(out, replace(card, evaluation=_summary(evaluation)), files), evaluation


def _training_facts(
    learning: Learning, record: FitRecord, options: TrainOptions, start: Package | None
) -> dict[str, Any]:
    return {
        **({"started from": named(start)} if start else {}),
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


def _name_of(out: Path) -> str:
    plain = re.sub(r"[^a-z0-9_-]+", "-", out.resolve().stem.lower()).strip("-_")
    return plain[:64] or "model"
