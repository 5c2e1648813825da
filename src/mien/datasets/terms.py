"""What each data set is, on what terms it may be had, and the steps to it; the errors of the loaders end with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mien.core.errors import UnknownNameError

Access = Literal["open", "account", "request", "agreement", "own", "made", "parts"]
ACCESS: dict[Access, str] = {
    "open": "open",
    "account": "free account",
    "request": "on request",
    "agreement": "signed agreement",
    "own": "your own",
    "made": "made by mien",
    "parts": "that of its parts",
}
"""Kind of access → how a table names it."""


@dataclass(frozen=True)
class Terms:
    """What a data set is and how to come by it.

    `title`: what it is, in a line. `labels`: its label set. `terms`: what its owners allow, in a sentence. `source`: where they say so;
    the words there hold, not these. `steps`: what to do, in order. `layout`: paths that are expected in the data folder. `cite`: the paper.
    """

    title: str
    labels: str
    access: Access
    terms: str
    source: str
    steps: tuple[str, ...]
    layout: tuple[str, ...]
    cite: str = ""

    def to_dict(self) -> dict[str, object]:
        """Plain values, ready for JSON."""
        return {**vars(self), "steps": list(self.steps), "layout": list(self.layout)}


TERMS: dict[str, Terms] = {
    "fer2013": Terms(
        title="35,887 gray faces of 48×48 from the web; train, validation and test as published",
        labels="fer7",
        access="account",
        terms="Given out for the ICML 2013 challenge under its rules; the pictures were found by web search and carry no licence.",
        source="https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge/data",
        steps=("Sign in at Kaggle and accept the rules of the challenge.", "Download icml_face_data.csv or fer2013.tar.gz, and unpack it."),
        layout=("fer2013.csv or icml_face_data.csv or fer2013.npz or fer2013.parquet, or train/<expression>/Training_00000001.jpg …",),
        cite="Goodfellow et al., Challenges in Representation Learning, ICONIP 2013",
    ),
    "ferplus": Terms(
        title="ten votes for each image of FER2013, read by the published protocol",
        labels="fer8",
        access="open",
        terms="The votes are under the MIT licence; the images are FER2013's, with its terms.",
        source="https://github.com/microsoft/FERPlus",
        steps=(
            "Get FER2013 (mien data fetch fer2013).",
            "Copy fer2013new.csv and the folders in data of the repository beside it, as ferplus.",
        ),
        layout=("ferplus/fer2013new.csv", "ferplus/FER2013Train/label.csv, also in FER2013Valid and FER2013Test"),
        cite="Barsoum et al., Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label Distribution, ICMI 2016",
    ),
    "affectnet": Terms(
        title="291,651 colour faces from the web with an expression, valence and arousal; train and validation",
        labels="fer8",
        access="agreement",
        terms="For research alone, not to be passed on; asked for by a professor or a head of laboratory, for their group.",
        source="http://mohammadmahoor.com/affectnet/",
        steps=(
            "Read and sign the agreement, and send it with the request form (a student asks the supervisor to); wait for the link.",
            "Unpack train_set and val_set, or the older release of tables.",
        ),
        layout=(
            "train_set/images/<id>.jpg and train_set/annotations/<id>_exp.npy (_val, _aro, _lnd), likewise val_set",
            "or Manually_Annotated_file_lists/training.csv and validation.csv, with Manually_Annotated_Images/<folder>/<name>.jpg",
        ),
        cite="Mollahosseini et al., AffectNet, IEEE Transactions on Affective Computing 10(1), 2019",
    ),
    "ckplus": Terms(
        title="593 sequences of 123 people from neutral to the peak, 327 with an expression, all with action units",
        labels="ckplus7",
        access="agreement",
        terms="For research that is not commercial, not to be passed on; few subjects allow that their pictures are printed.",
        source="https://www.jeffcohn.net/Resources/",
        steps=(
            "Read and sign the agreement, send it as the page says, and wait for the link.",
            "Unpack cohn-kanade-images.zip, Emotion_labels.zip and FACS_labels.zip into one folder.",
        ),
        layout=(
            "cohn-kanade-images/S005/001/S005_001_00000001.png …",
            "Emotion/S005/001/S005_001_00000011_emotion.txt",
            "FACS/S005/001/S005_001_00000011_facs.txt, where wanted",
            "or the reduced copy CK+48/<expression>/S010_004_00000017.png",
        ),
        cite="Lucey et al., The Extended Cohn-Kanade Dataset (CK+), CVPR Workshops 2010",
    ),
    "jaffe": Terms(
        title="213 gray portraits of 10 Japanese women, posed",
        labels="fer7",
        access="request",
        terms="For scientific research that is not commercial, with citation; not to be passed on.",
        source="https://zenodo.org/records/3451524",
        steps=("Read the conditions there, and ask for access with all that they want to know.", "Unpack jaffe.zip."),
        layout=("jaffe/KA.AN1.39.tiff …",),
        cite="Lyons et al., Coding Facial Expressions with Gabor Wavelets, FG 1998",
    ),
    "ferg": Terms(
        title="55,767 drawn faces of six characters, 256×256",
        labels="fer7",
        access="request",
        terms="For research; its owners send the link to those who fill in their form.",
        source="https://grail.cs.washington.edu/projects/deepexpr/ferg-2d-db.html",
        steps=("Fill in the form there and wait for the link.", "Unpack FERG_DB_256.zip."),
        layout=("FERG_DB_256/<character>/<character>_<expression>/<character>_<expression>_<n>.png",),
        cite="Aneja et al., Modeling Stylized Character Expressions via Deep Learning, ACCV 2016",
    ),
    "rafdb": Terms(
        title="15,339 colour faces from the web with one basic expression; train and test as published",
        labels="fer7",
        access="agreement",
        terms="For research that is not commercial, not to be passed on; the pictures were found on the web.",
        source="http://www.whdeng.cn/RAF/model1.html",
        steps=("Write from an institution's address, as the page asks, for the password.", "Unpack the folder basic."),
        layout=("EmoLabel/list_patition_label.txt", "Image/aligned/train_00001_aligned.jpg …"),
        cite="Li et al., Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression Recognition in the Wild, CVPR 2017",
    ),
    "folder": Terms(
        title="any pictures, sorted into folders by expression",
        labels="any",
        access="own",
        terms="Whatever holds for the pictures.",
        source="",
        steps=("Sort the pictures into folders that carry the names of expressions.",),
        layout=("<split>/<expression>/<picture>, or <expression>/<picture>",),
    ),
    "manifest": Terms(
        title="any pictures, listed in a CSV or Parquet table",
        labels="any",
        access="own",
        terms="Whatever holds for the pictures.",
        source="",
        steps=("Write a table with the columns path and label, and subject, sequence, frame and split where they are known.",),
        layout=("manifest.csv or manifest.parquet",),
    ),
    "avatars": Terms(
        title="drawn faces of every expression, still or in sequences, made when asked for",
        labels="any",
        access="made",
        terms="Drawn by mien: free to use.",
        source="",
        steps=("Nothing: mien draws them when they are read. As files: mien data fetch avatars --out FOLDER",),
        layout=("nothing",),
    ),
    "merged": Terms(
        title="several of these data sets as one, in one label set and in shares that are asked for",
        labels="any",
        access="parts",
        terms="What holds for the data sets that it is made of.",
        source="",
        steps=("Come by the data sets that it is made of, and name them: datasets = [...].",),
        layout=("each of them, in the same folder",),
    ),
}


def terms_of(name: str) -> Terms:
    """The terms of a data set. Raises UnknownNameError."""
    if name not in TERMS:
        raise UnknownNameError("data set", name, TERMS)
    return TERMS[name]


def how_to_get(name: str) -> str:
    """The end of an error about something that is absent: the steps, and where they are told in full."""
    terms = terms_of(name)
    place = f" ({terms.source})" if terms.source else ""
    return f"To come by it{place}: {' '.join(terms.steps)} Terms and layout: mien data fetch {name}."


def how_to_mend(name: str) -> str:
    """The end of an error about something that is there in part, or broken."""
    source = terms_of(name).source
    return f"Unpack it again from {source}." if source else "Mend them."
