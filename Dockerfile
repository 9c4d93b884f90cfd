# electrode-bench with the pinned versions, for the processor. This file was not built where the project is developed,
# because there is no container engine; it was checked with hadolint, and by a test of what it copies.
#
#   docker build --tag electrode-bench .
#   docker run --rm electrode-bench electrode-bench predict LiFePO4
FROM python:3.11-slim

# git: provenance and DVC. libgomp1: OpenMP's library for LightGBM. make: the targets of the Makefile.
# Versions of Debian's packages are those of the base image's release.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends git libgomp1 make \
  && rm -rf /var/lib/apt/lists/*

ARG UID=1000
RUN useradd --create-home --uid "$UID" bench
USER bench
WORKDIR /home/bench/electrode-bench

# The versions come first, so that a changed source file does not install them again. An empty index installs PyTorch
# for GPUs from PyPI.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PATH=/home/bench/venv/bin:$PATH DVC_NO_ANALYTICS=1 PYTHONUNBUFFERED=1
COPY --chown=bench:bench pyproject.toml constraints.txt README.md LICENSE ./
COPY --chown=bench:bench src/electrode_bench/__init__.py src/electrode_bench/
RUN python -m venv /home/bench/venv \
  && pip install --no-cache-dir --constraint constraints.txt --extra-index-url "$TORCH_INDEX" '.[excel]' \
  && pip uninstall --yes electrode-bench

COPY --chown=bench:bench . .
RUN pip install --no-cache-dir --no-deps --editable .

CMD ["electrode-bench", "--help"]
