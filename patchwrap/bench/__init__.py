"""Compare backends, plans, fusers and heads on the same images by the same protocol.

``patchwrap.bench`` is this package and also the function ``patchwrap.bench.runner.bench``, whose documentation
``help`` adds here. Importing the package does not import torch.
"""

from patchwrap.callable_package import make_callable

make_callable(__name__)
