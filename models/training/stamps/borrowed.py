"""What the int8 benchmark has already: graphs written while they run, EfficientNet-Lite0, files of installed packages."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "int8"))
from architectures import lite0_features, lite0_weights  # noqa: E402, F401
from inputs import package_folder  # noqa: E402, F401
from network import Network, session  # noqa: E402, F401
