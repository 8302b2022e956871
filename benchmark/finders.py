"""plotly.min.js as a static file of our own, straight from the installed package: no copy in the sources, no CDN."""

from importlib.util import find_spec
from pathlib import Path

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

PREFIX = "benchmark/vendor"
FILE = "plotly.min.js"


class PlotlyFinder(BaseFinder):
    """Finds `benchmark/vendor/plotly.min.js`, and nothing else."""

    def __init__(self, *args, **kwargs):
        package = Path(find_spec("plotly").submodule_search_locations[0])
        self.storage = FileSystemStorage(location=package / "package_data")
        self.storage.prefix = PREFIX
        super().__init__(*args, **kwargs)

    def check(self, **kwargs):
        return []

    def find(self, path, find_all=False, **kwargs):
        found = [self.storage.path(FILE)] if path == f"{PREFIX}/{FILE}" else []
        return found if find_all or not found else found[0]

    def list(self, ignore_patterns):
        yield FILE, self.storage
