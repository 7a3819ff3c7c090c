"""Pictures with true depth: the public data sets, plain folders and generated scenes, all as the same ``Sample``.

Every class but ``GeneratedScenes`` is a torch ``Dataset`` whose items are read from disk when they are indexed. Its
docstring says what its files hold, their units and what is left out.
"""

from patchwrap.datasets.booster import Booster
from patchwrap.datasets.dataset import DepthDataset
from patchwrap.datasets.diode import Diode
from patchwrap.datasets.entry import Entry
from patchwrap.datasets.eth3d import Eth3d
from patchwrap.datasets.generated import GeneratedScenes
from patchwrap.datasets.hypersim import Hypersim
from patchwrap.datasets.ibims import Ibims1
from patchwrap.datasets.kitti import Kitti
from patchwrap.datasets.lazy_sample import LazySample, SampleSource
from patchwrap.datasets.middlebury import Middlebury2014
from patchwrap.datasets.mvs_synth import MvsSynth
from patchwrap.datasets.nyu import NyuV2
from patchwrap.datasets.pairs import Pairs
from patchwrap.datasets.registry import DATASETS, open_dataset
from patchwrap.datasets.sample import Sample, collate
from patchwrap.datasets.sintel import Sintel
from patchwrap.datasets.spring import Spring
from patchwrap.datasets.unreal_stereo import UnrealStereo4K

__all__ = [
    "DATASETS",
    "Booster",
    "DepthDataset",
    "Diode",
    "Entry",
    "Eth3d",
    "GeneratedScenes",
    "Hypersim",
    "Ibims1",
    "Kitti",
    "LazySample",
    "Middlebury2014",
    "MvsSynth",
    "NyuV2",
    "Pairs",
    "Sample",
    "SampleSource",
    "Sintel",
    "Spring",
    "UnrealStereo4K",
    "collate",
    "open_dataset",
]
