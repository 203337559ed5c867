# One image for web server, daemon and user code; the services differ only by their command.
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 openreason
WORKDIR /app

# Dependencies first, so that a change of code does not install them again. PIP_OPTIONS can point pip at an index with
# CPU builds of torch, which are smaller and enough here: big models run in the vllm service.
COPY pyproject.toml constraints.txt README.md ./
COPY openreason_dagster/__init__.py openreason_dagster/__init__.py
ARG PIP_OPTIONS=""
RUN pip install --no-cache-dir ${PIP_OPTIONS} --constraint constraints.txt ".[postgres]"

COPY . .
RUN pip install --no-cache-dir --no-deps --editable . \
    && install -d -o openreason /app/data /opt/dagster \
    && install -o openreason deploy/dagster.yaml /opt/dagster/dagster.yaml
USER openreason
ENV DAGSTER_HOME=/opt/dagster DAGSTER_LOGS=/app/data/dagster/logs OPENREASON_ROOT=/app/data
