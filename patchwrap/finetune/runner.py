"""``patchwrap.finetune``: trains a head for a backend on a folder of photos and writes it to a file."""

import copy
import difflib
import inspect
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from patchwrap.ambient_modes import ordinary_modes
from patchwrap.datasets import SampleSource
from patchwrap.datasets.heldout import FIRST_SEED, cache_folder, parse_spec
from patchwrap.datasets.image_set import Data, ImageSet
from patchwrap.datasets.lazy_sample import lasting_part
from patchwrap.errors import OptionError
from patchwrap.finetune.division import apart, divided
from patchwrap.finetune.draw import Drawer
from patchwrap.finetune.job import TrainingJob
from patchwrap.finetune.logbook import Logbook
from patchwrap.finetune.pipeline_views import PipelineViews
from patchwrap.finetune.preparation import Preparation, Skipped
from patchwrap.finetune.processes import Processes, extra
from patchwrap.finetune.recipe import Recipe
from patchwrap.finetune.record import Record
from patchwrap.finetune.selection import chosen_groups
from patchwrap.finetune.trainee import Trainee
from patchwrap.finetune.trainer import OnStep, Trainer
from patchwrap.generators import preserved_generators, seed_generators
from patchwrap.heads import Head, HeadNetwork, head_file, load_head, save_head
from patchwrap.io.encode import MILLIMETRE
from patchwrap.spec import Movable, StepProgress, name_of
from patchwrap.training_state import read_state
from patchwrap.wrapping import BackendRequest

SCENES_FROM = 500_000 - FIRST_SEED
"""Number of the first generated scene to train on, counted from the first held-out one. Seeds below a million are for
training. Networks are trained on the first of them, and a head must see their errors on scenes that are new to them."""

HELD_OUT_FROM = 600_000 - FIRST_SEED
"""Number of the first scene of ``held_out_data``, counted likewise: networks are trained on those from 700000, too."""

_log = logging.getLogger("patchwrap")


def finetune(
    backend: Any = "native",
    data: Data = "generated",
    out: str | Path = "head.safetensors",
    *,
    coarse: Any = None,
    fine: Any = None,
    recipe: Recipe | None = None,
    held_out_data: Data | None = None,
    universal: bool | None = None,
    start_from: str | Path | None = None,
    count: int | None = None,
    depth_scale: float = MILLIMETRE,
    cache: str | Path | None = None,
    device: str = "auto",
    dtype: str = "float32",
    tile_batch_size: int = 4,
    save_seconds: float = 60.0,
    progress: StepProgress | None = None,
    on_step: OnStep | None = None,
    **options: Any,
) -> Head:
    """Train a fusion head so that a backend's tiles agree with each other and come closer to true depth.

    The backend stays frozen, apart from a decoder with ``unfreeze``; its predictions are stored in the cache. An
    interrupted training continues when it is called again with the same arguments. Started by ``torchrun``, it uses all
    processes.

    Args:
        backend: see ``patchwrap.predict``; a list of several trains one head for all of them and for others.
        data: photos with depth beside them, see ``patchwrap.bench``, ``generated:COUNT@WIDTHxHEIGHT``, a data set of
            ``patchwrap.datasets``, or samples. True depth at or beyond 80 m (``patchwrap.metrics.MAX_DEPTH``) is not
            trained on: such pixels count as unknown, and photos that show nothing nearer are skipped.
        out: the head's file, ``.safetensors``; its card goes to ``.json`` beside it, curves and pictures to ``.log``.
        coarse: another backend for the whole image.
        fine: another backend for the tiles.
        recipe: options of the training; ``options`` replace single ones, see ``patchwrap.finetune.Recipe``, and
            ``plans`` may then be the text of one.
        held_out_data: images for selection, given as ``data`` is and none of them in it (generated scenes are others);
            by default some of ``data``, of scenes that are not trained on, see ``Recipe.held_out``.
        universal: whether the head is also meant for backends it was not trained with; by default if there are several.
        start_from: a head to continue from, a file or ``universal``; ``begin`` and ``widths`` are those of this head.
            A warning tells if images for selection are among those that it, or what it started from, was trained on.
        count: largest number of images.
        depth_scale: metres per step of a 16-bit depth PNG.
        cache: folder of stored predictions; None for the platform's cache folder.
        device: ``auto``, ``cpu``, ``cuda`` …
        dtype: of the backend's networks.
        tile_batch_size: tiles predicted at once.
        save_seconds: seconds between two writes of the training's state, which evaluations of trained weights write,
            too.
        progress: called with (samples done, samples in total, what comes next) while backends predict what the cache
            lacks.
        on_step: called with the trainer after every step, in the first process.

    Returns:
        The head with the best score on held-out images: consistency, edges and, with ground truth, error. A warning
        tells if that is the head at the start.

    Raises:
        MissingExtraError: without the extra ``finetune``.
        OptionError: for an impossible option, or data that cannot be trained on.
        ConventionError: if the backends predict height, and true depth is used.
        CheckpointError: if ``start_from``, a stored prediction or the state of an interrupted training cannot be read.
        OutputError: if the head, a prediction or the training's state cannot be written.
        TrainingError: if the loss stays non-finite, or the first score is not finite.
    """
    recipe = _with(recipe or Recipe(), options)
    processes = Processes(device)
    path = _head_path(out)
    kept = None if cache is None else Path(cache)
    with ordinary_modes(processes.device), preserved_generators(processes.device):
        started = None
        if start_from is not None:
            started, start_from = load_head(start_from), head_file(start_from)
            recipe = _continued(recipe, started, start_from)
        with processes.first_ahead():  # which renders missing scenes
            train, held_out, name = _divided(data, held_out_data, count, recipe, depth_scale, kept)
        if started is not None and start_from is not None and processes.first:
            _warn_of_learned(held_out, started, start_from)
        several = backend if isinstance(backend, list | tuple) else [backend]
        seen = {"device": str(processes.device), "dtype": dtype, "tile_batch_size": tile_batch_size}
        wide = len(several) > 1 if universal is None else universal
        told = seen | {"depth_scale": depth_scale}
        preparations = [_preparation((one, coarse, fine), recipe, kept, seen) for one in several]
        job = TrainingJob(recipe, processes, preparations, train, held_out, path, start_from, started, name, told, wide)
        seed_generators(processes.device, recipe.seed)
        return _trained(job, save_seconds, progress or (lambda done, total, text: None), on_step)


def state_file(head: Path) -> Path:
    """The file that keeps the training of a head until it ends."""
    return head.with_suffix(".training.pt")


def _head_path(out: str | Path) -> Path:
    path = Path(out)
    if path.suffix != ".safetensors":
        raise OptionError(f"{str(path)!r} does not end in .safetensors; name the output so.")
    log = _log_folder(path)
    if log.exists() and not log.is_dir():  # `> head.log` is an obvious place for what the command prints
        raise OptionError(f"{str(log)!r} is a file, but the training's curves go into a folder of that name. Move it.")
    return path


def _log_folder(head: Path) -> Path:
    return head.with_suffix(".log")


def _preparation(parts: tuple[Any, Any, Any], recipe: Recipe, cache: Path | None, seen: dict[str, Any]) -> Preparation:
    """The predictions of a backend, coarse and fine as ``patchwrap.predict`` takes them."""
    folder = cache or cache_folder().with_name("finetune")
    wanted: dict[str, Any] = {"with_truth": recipe.truth, "guided": recipe.guidance, "seed": recipe.seed}
    return Preparation.of(*parts, recipe.plans, folder, name=_pair_name(*parts), **wanted, **seen)


def _pair_name(backend: Any, coarse: Any, fine: Any) -> str:
    """Name a pair of backends as they were asked for, or as messages name them."""
    pair = (backend, fine) if coarse is None else (coarse, backend if fine is None else fine)
    given = [one for one in pair if one is not None]
    return " + ".join(str(one) if isinstance(one, str | BackendRequest) else name_of(one) for one in given)


def _with(recipe: Recipe, options: dict[str, Any]) -> Recipe:
    """The recipe with single options replaced; ``plans`` may be the text of one.

    Raises:
        OptionError: for an option that does not exist, or one of an impossible type or value.
    """
    if not isinstance(recipe, Recipe):
        raise OptionError(f"recipe is of type {type(recipe).__name__}; give a Recipe, or its options by name.")
    values = asdict(recipe)
    if unknown := [name for name in options if name not in values]:
        close = difflib.get_close_matches(unknown[0], [*inspect.signature(finetune).parameters, *values], n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise OptionError(f"finetune has no option {unknown[0]!r}.{hint} Those of a recipe are: {', '.join(values)}.")
    # A card's recipe has lists, and it takes no numbers of numpy's.
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in (values | options).items()}
    values = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    if isinstance(values["plans"], str):
        values["plans"] = (values["plans"],)
    return Recipe(**values)


def _continued(recipe: Recipe, started: Head, file: Path) -> Recipe:
    """The recipe with the head's own ``begin`` and ``widths``.

    Raises:
        OptionError: if the recipe asks for others.
    """
    own: dict[str, Any] = {"begin": started.card.training.get("recipe", {}).get("begin", Recipe.begin)}
    own["widths"] = tuple(started.network.options["widths"])
    for name, value in own.items():
        if getattr(recipe, name) not in (value, getattr(Recipe, name)):
            raise OptionError(
                f"{name} {getattr(recipe, name)!r} is given, but {str(file)!r} has {value!r}, which stays when its "
                f"training goes on. Leave {name} out, or start from another head or from none."
            )
    return replace(recipe, **own)


def _warn_of_learned(held_out: Sequence[SampleSource], started: Head, file: Path) -> None:
    training = started.card.training
    if learned := [sample.name for sample in held_out if _learned(training, sample)]:
        _log.warning(
            "warning: %d of %d images for selection, such as %r, are among those that %r was trained on: scores may "
            "flatter. Give the data, count, seed and held_out of its training, or held_out_data.",
            *(len(learned), len(held_out), learned[0], str(file)),
        )


def _learned(training: dict[str, Any], sample: SampleSource) -> bool:
    """Whether a head, or one that it started from, was trained on a sample.

    Args:
        training: of the head's card. Cards of older versions have no stamps: there the name alone counts.
        sample: an image for selection.
    """
    stamp = training.get("stamps", {}).get(sample.name, sample.stamp)
    started = training.get("started_from")
    own = sample.name in training.get("images", ()) and lasting_part(stamp) == lasting_part(sample.stamp)
    return own or bool(started and _learned(started["training"], sample))


def _divided(
    data: Data, held_out_data: Data | None, count: int | None, recipe: Recipe, depth_scale: float, cache: Path | None
) -> tuple[list[SampleSource], list[SampleSource], str]:
    """Images to train on, images for selection, and the name of the data."""
    samples, name = _samples(data, count, recipe, depth_scale, cache)
    if held_out_data is None:
        return *divided(samples, recipe), name
    others, _ = _samples(held_out_data, None, recipe, depth_scale, cache, HELD_OUT_FROM)
    return *apart(samples, others), name


def _samples(
    data: Data, count: int | None, recipe: Recipe, depth_scale: float, cache: Path | None, first: int = SCENES_FROM
) -> tuple[list[SampleSource], str]:
    """The images, generated ones from number ``first`` on, and the name of the data."""
    scenes = isinstance(data, str | Path) and parse_spec(str(data)) is not None
    seed = first if scenes else recipe.seed
    found = ImageSet.open(data, count, seed, depth_scale, cache and cache / "scenes")
    if recipe.truth and found.samples and not found.has_truth:
        raise OptionError(f"{found.name} has no depth beside its photos. Train without: --no-gt, or truth=False.")
    return list(found.samples), found.name


def _trained(job: TrainingJob, save_seconds: float, progress: StepProgress, on_step: OnStep | None) -> Head:
    # Impossible options are reported before predicting, which may take hours.
    trainee = Trainee(_network(job), _own_backend(job))
    state, identity = state_file(job.out), job.identity
    if state.exists():
        read_state(state, identity)
    extra("tensorboard")
    records, held_out, skipped = _records(job, progress)
    drawer = Drawer(records, job.recipe.consistency, job.recipe.batch_size, job.recipe.seed)
    groups = chosen_groups(held_out)
    views = None if trainee.backend is None else PipelineViews(job.preparations[0], job.held_out)
    trainer = Trainer(trainee, job.recipe, drawer, groups, job.processes, state, identity, save_seconds, views)
    resumed_at = None if trainer.history.best is None else trainer.history.step
    logbook = Logbook(_log_folder(job.out), groups, resumed_at) if job.processes.first else None

    best = _run(trainer, logbook, on_step if job.processes.first else None)
    head = _head(job, trainer, best, skipped)
    if job.processes.first:
        if trainer.history.best_step == 0:
            _log.warning(
                "warning: no evaluation was better than the head at the start, which is kept. Give more data or steps, "
                "or a lower rate."
            )
        save_head(head, job.out)
        state.unlink(missing_ok=True)
    job.processes.wait()
    return load_head(job.out)


def _run(trainer: Trainer, logbook: Logbook | None, on_step: OnStep | None) -> dict[str, torch.Tensor]:
    """Train and return the best values; the first process alone has a logbook and tells of its steps."""
    listeners = [one for one in (logbook and logbook.step, on_step) if one]

    def each(now: Trainer) -> None:
        for listener in listeners:
            listener(now)

    best = trainer.run(each, logbook.evaluation if logbook else None)
    if logbook:
        logbook.close()
    return best


def _records(job: TrainingJob, progress: StepProgress) -> tuple[list[Record], list[Record], list[Skipped]]:
    """Records to train on, records for selection, and skipped samples."""
    samples, processes = [*job.train, *job.held_out], job.processes
    for preparation in job.preparations:
        preparation.run(samples, progress, (processes.index, processes.count))
    processes.wait()
    parts, skipped = [], []
    for group in (job.train, job.held_out):
        found = [preparation.records(sample) for preparation in job.preparations for sample in group]
        parts.append([record for one in found if isinstance(one, list) for record in one])
        skipped += [one for one in found if isinstance(one, Skipped)]
    if skipped and processes.first:
        total, first = len(samples) * len(job.preparations), skipped[0]
        _log.warning("warning: %d of %d samples are skipped; %s: %s", len(skipped), total, first.name, first.why)
    if not all(parts):
        what = "learn from" if not parts[0] else "select by"
        raise OptionError(f"no sample is left to {what}: {skipped[0].name}: {skipped[0].why}")
    return parts[0], parts[1], skipped


def _network(job: TrainingJob) -> HeadNetwork:
    if job.recipe.guidance and len(job.preparations) > 1:
        raise OptionError("a head is guided by the features of one backend. Give one, or train without guidance.")
    head = job.preparations[0].engine.head
    guides = head.network.guides if isinstance(head, Head) else (0, 0)
    if job.started is None:
        return HeadNetwork(job.recipe.widths, (guides[0], guides[1]), job.recipe.begin)
    if job.started.decoder and job.recipe.unfreeze == "none":
        raise OptionError(
            f"{str(job.start_from)!r} contains a trained decoder, which a head alone would drop. Train both: "
            "--unfreeze decoder."
        )
    network = job.started.network
    if network.guides != tuple(guides):
        raise OptionError(
            f"{str(job.start_from)!r} is guided by other features than this backend gives. Start from another head, or "
            "from none."
        )
    return network


def _own_backend(job: TrainingJob) -> Any:
    """A copy of the tile backend whose decoder is trained; None if backends stay frozen."""
    if job.recipe.unfreeze == "none":
        return None
    if len(job.preparations) > 1:
        raise OptionError("decoders of several backends cannot be trained together. Give one backend.")
    fine = job.preparations[0].engine.fine
    own = copy.deepcopy(fine if job.started is None else job.started.adapted(fine))
    if isinstance(own, Movable):  # half precision would round small updates away
        own.to(job.processes.device, torch.float32)
    return own


def _head(job: TrainingJob, trainer: Trainer, best: dict[str, torch.Tensor], skipped: Sequence[Skipped]) -> Head:
    network = copy.deepcopy(trainer.trainee.network).cpu().float()
    network.load_state_dict({k.removeprefix("network."): v for k, v in best.items() if k.startswith("network.")})
    decoder = [best[f"decoder.{n}"] for n in range(len(trainer.trainee.decoder))]
    parameters = sum(value.numel() for value in network.parameters())
    return Head(network, job.card(asdict(trainer.history), parameters, skipped), decoder)
