"""The parts of a recipe: what may be written in it, with ranges and defaults. An unknown key is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

ARTIFACT = "model.onnx"
"""What a finished run's model is called in its folder."""
NETWORK = "network"
DESCRIBER = "miennet"
"""The model whose layer describes pictures where a recipe names none: in float32, and without mirror images."""


class Part(BaseModel):
    """A table of a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelPart(Part):
    """Which architecture, with which of its own options.

    `gaussian`: start all weights of convolutions and dense layers at N(0, gaussian²) and their biases at 0, save those of a spatial
    transformer's θ, which starts as the identity; "he": each layer at N(0, 2/n) for n inputs to a unit, which keeps the size of the signal
    through any number of ReLUs (He et al., 2015, eq. 10). Without, the architecture's own start.
    """

    name: str
    options: dict[str, Any] = {}
    gaussian: Annotated[float, Field(gt=0)] | Literal["he"] | None = None


class PreprocessPart(Part):
    """What is done to a crop besides resizing it, in training and in use: see `mien.preprocess.Preprocessing`.

    `equalise`: gray-level normalisation. `framing`: how faces are cut in use; the data set's own option `crop` cuts them in training.
    `saliency`: name or path of a model; what it finds important in the training pictures stays, the rest fades (`mien.training.emphasis`).
    """

    equalise: bool = False
    framing: Literal["fer2013", "geometric"] = "fer2013"
    saliency: str | None = None


class FeaturesPart(Part):
    """What a picture is described by: a name of `mien.features.registry` with its `options`, or "network".

    That is for classical models and for the frames of sequences; its options are `model`, name or path of an artifact, and `layer`, a
    tensor of its graph; "embedding", what its last layer sees, by default. `learnt`: the features.npz of an earlier run, whose vocabulary
    and standardisation are taken as they are; it is of the same name and options. `cache`: a file where a network's run looks vectors up
    first, and keeps them, for runs on the same pictures.
    """

    name: str
    options: dict[str, Any] = {}
    learnt: str | None = None
    cache: str | None = None


class SequencePart(Part):
    """The model reads sequences of frames, as `mien.datasets.sequences.as_sequences` finds them in the data set.

    `frames`: every sequence is resampled to so many, by Algorithm 1 of the thesis on static and dynamic FER; without, each keeps its own
    length. `mirrored`: where a network describes the frames, each training sequence comes mirrored too; frames that are looked at
    themselves are mirrored by `augment.flip`.
    """

    frames: int | None = Field(None, ge=1)
    mirrored: bool = True


class AutoencoderPart(Part):
    """A network's encoder first learns to build pictures up again from what it makes of them: mean squared error, Adam."""

    epochs: int = Field(10, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    batch_size: int = Field(128, ge=2)


class TargetPart(Part):
    """One head: which data set's labels it learns, and by which loss.

    `soft_cross_entropy` learns the normalised votes of the annotators and needs a data set that has them; images without enough votes do
    not count for this head. `focal` (Lin et al., 2017) is cross-entropy that looks less at what is right already, the more so the higher
    `focal_gamma`. `class_weights` "balanced" weights class i by w_i = N / (n_i · c), N training rows, n_i of that class, c classes.
    `weight`: of this head in the sum. `options` are those of the data set's loader. `labels`: the names of a label set of your own, which
    the head then is named for; without, the head's name is that of a known one.
    """

    dataset: str
    labels: list[str] | None = Field(None, min_length=2)
    loss: Literal["cross_entropy", "soft_cross_entropy", "focal"] = "cross_entropy"
    weight: float = Field(1.0, gt=0)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    focal_gamma: float = Field(2.0, ge=0, le=10)
    class_weights: Literal["none", "balanced"] = "none"
    options: dict[str, Any] = {}


class PenaltyPart(Part):
    """L2 on named layers: weight · Σ‖W‖² over the parameters whose names fit the pattern `layers` is added to the loss.

    A pattern is a shell's: "heads.hidden.*.weight".
    """

    layers: str = Field(min_length=1)
    weight: float = Field(gt=0)


class RatePart(Part):
    """A learning rate of their own for the parameters whose names fit the pattern `layers`: `factor` times that of the others.

    A spatial transformer wants a small one: at the rate of the rest it soon looks beside the picture, and never comes back.
    """

    layers: str = Field(min_length=1)
    factor: float = Field(gt=0)


class AugmentPart(Part):
    """What is drawn anew for each image of each batch. Fractions are of the side; angles are degrees; ranges are ±.

    `mixup`, `cutmix`: the α of the Beta distribution of shares, 0 for none; with both, each batch has one of them.
    """

    flip: bool = True
    rotation: float = Field(12.0, ge=0, le=180)
    shift: float = Field(0.12, ge=0, lt=1)
    scale: float = Field(0.12, ge=0, lt=1)
    brightness: float = Field(0.2, ge=0, le=1)
    contrast: float = Field(0.2, ge=0, lt=1)
    erase_probability: float = Field(0.5, ge=0, le=1)
    erase_side: float = Field(0.25, gt=0, lt=1)
    mixup: float = Field(0.0, ge=0)
    cutmix: float = Field(0.0, ge=0)


class NoisePart(Part):
    """Learning from labels of which some are wrong.

    `attention_consistency`: the weight of EAC's loss (Zhang et al., ECCV 2022), under which a network has to look at the same places of a
    picture and of its mirror image, so that it can't learn single pictures by heart; the paper has 5, and large erased squares beside it.
    It takes a network that ends in a global average and linear layers, and doubles the work of a step. 0 for none.
    """

    attention_consistency: float = Field(0.0, ge=0)


class PhasePart(Part):
    """A run of epochs at one picture size."""

    epochs: int = Field(ge=1)
    size: int = Field(ge=8)


class OptimPart(Part):
    """How the weights are moved.

    `name`: SGD with Nesterov momentum, Adam or AdamW, whose first β is `momentum` too. `schedule` shapes the rate over all steps of all
    phases: "one_cycle" and "cosine" rise during `warmup`, a fraction of them, and fall to zero; "constant" stays; "step" is multiplied by
    `factor` every `step_epochs`; "plateau" by `factor` when the log-loss on the selection split has not fallen for `patience` epochs.
    `early_stop`: end when it has not fallen for that many epochs of the last phase. `weight_decay` spares biases and normalisation.
    `batch_size` is that of each device. `clip_norm`: the most that the gradient's norm may be. `ema_decay`: of the weights' moving average,
    which is what is evaluated and kept, reached by way of (1 + n) / (10 + n) after n steps; 0 keeps the weights themselves.
    """

    name: Literal["sgd", "adam", "adamw"] = "sgd"
    learning_rate: float = Field(0.1, gt=0)
    schedule: Literal["one_cycle", "cosine", "constant", "step", "plateau"] = "one_cycle"
    warmup: float = Field(0.2, ge=0, lt=1)
    step_epochs: int = Field(10, ge=1)
    factor: float = Field(0.1, gt=0, lt=1)
    patience: int = Field(10, ge=1)
    early_stop: int | None = Field(None, ge=1)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0)
    batch_size: int = Field(128, ge=2)
    clip_norm: float | None = Field(None, gt=0)
    ema_decay: float = Field(0.999, ge=0, lt=1)


class ProtocolPart(Part):
    """Who trains and who is tested: a protocol of `mien.datasets.protocols`, with its own `options` and `seed`.

    `fold`: which of its folds, by number from 1 or by name, where it has several. `oversample`: repeat training rows, after the split,
    until the classes of the first target have equal numbers. `tinted`: classes of the first target whose training rows, after the split,
    stand there in warm and in cold light too, and all three mirrored (CNNCraft-net, §4.1.1); their pictures are RGB. `drop_twins`: of
    training rows with the same pixels the first one stays, with its label (Barz and Denzler, 2020, on copies in data sets).
    """

    name: str = "official"
    seed: int = Field(0, ge=0)
    fold: int | str | None = None
    oversample: bool = False
    drop_twins: bool = False
    tinted: list[str] = []
    options: dict[str, Any] = {}

    @model_validator(mode="after")
    def _repeats_or_drops(self) -> ProtocolPart:
        if self.oversample and self.drop_twins:
            raise ValueError("oversample repeats rows, and drop_twins leaves repeated ones out. Set one of them")
        return self

    @field_validator("options")
    @classmethod
    def _without_keys_of_the_part(cls, options: dict[str, Any]) -> dict[str, Any]:
        for key in ("seed", "fold"):
            if key in options:
                raise ValueError(f"{key} has a key of its own; set protocol.{key}")
        return options


class DistillPart(Part):
    """Learning from other models: names or paths of artifacts, whose mean opinion gets `weight` of the target.

    `temperature` softens what they say (above 1) before it is averaged. `augmented`: the teachers are asked anew about each batch as the
    student sees it, augmented and mixed (Beyer et al., CVPR 2022), and not once about the pictures as they are; they are then folders of
    finished runs, and the teachers compute beside the student.
    """

    teachers: list[str] = Field(min_length=1)
    weight: float = Field(0.7, gt=0, le=1)
    temperature: float = Field(1.0, gt=0, le=20)
    augmented: bool = False

    @property
    def artifacts(self) -> list[str]:
        """Names or paths of the teachers' artifacts."""
        return [str(Path(folder) / ARTIFACT) for folder in self.teachers] if self.augmented else self.teachers
