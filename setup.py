"""Packaging of espnet-residuals."""

from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

README = Path(__file__).parent / "README.md"


class BuildWithStartUpFile(build_py):
    """Put the ``.pth`` file beside the packages, the only place where Python reads it.

    Setuptools has no option for it. An editable installation has its files where they
    are and builds none, so there it goes straight into the installation.
    """

    def run(self) -> None:
        """Build the packages, then add the file."""
        super().run()
        beside = self.build_lib
        if self.editable_mode:
            beside = self.distribution.get_command_obj("install").install_purelib
        self.copy_file("espnet_residuals_import_hook.pth", beside)


setup(
    name="espnet-residuals",
    version="0.2.0",
    description="Residual connections by name for deep encoders in ESPnet",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.12,<3.14",
    packages=find_packages(include=["espnet_residuals", "espnet_residuals.*"]),
    py_modules=["espnet_residuals_import_hook"],
    cmdclass={"build_py": BuildWithStartUpFile},
    entry_points={"console_scripts": ["espnet-residuals = espnet_residuals.cli:main"]},
    package_data={"espnet_residuals": ["py.typed"]},
    install_requires=[
        # The asr extra brings opt-einsum, which espnet2.asr.state_spaces imports.
        # humanfriendly, NumPy, OmegaConf, PyYAML, soundfile and tqdm come with ESPnet.
        "espnet[asr]>=202611",
        "torch",
        "typeguard",
    ],
    extras_require={
        "onnx": ["onnx", "onnxruntime", "onnxscript"],
        "recipes": ["espnet[train]>=202611"],
        "server": ["aiohttp>=3.12,<4"],  # of egs/streaming_server
        # The upper bounds keep a newer formatter or checker from failing old code.
        "test": [
            "black>=26,<27",
            "build",
            "flake8>=7,<8",
            "hypothesis>=6.100",
            "isort>=9,<10",
            "mypy>=2.4,<3",
            "onnx",
            "onnxruntime",
            "onnxscript",
            "pytest>=8.3,<10",
            "pytest-xdist>=3.6,<4",  # of `make test`
            "torcheval",  # of ESPnet's task cls
            "types-PyYAML",
            "types-setuptools",
        ],
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
