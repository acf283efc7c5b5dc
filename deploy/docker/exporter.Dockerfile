# Both exporters: gpuscope-exporter node, gpuscope-exporter cluster. From the top of the checkout:
#
#     docker build -f deploy/docker/exporter.Dockerfile -t gpuscope-exporter .
#
# They listen on loopback, which is the container's own, until --web.listen-address says otherwise.
# The kubelet's socket is open to uid 0 alone: a node exporter that is to tell who holds a device
# runs as 0:0, without any capability. Everything else needs no more than this image's user.
ARG PYTHON=python:3.11.15-slim-bookworm@sha256:b18992999dbe963a45a8a4da40ac2b1975be1a776d939d098c647482bcad5cba

FROM ${PYTHON} AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/build && python -m venv --without-pip /opt/gpuscope
COPY locks/build.txt locks/exporter.txt locks/
RUN pip --python /opt/build/bin/python install --require-hashes --only-binary=:all: -r locks/build.txt
RUN pip --python /opt/gpuscope/bin/python install --require-hashes --only-binary=:all: -r locks/exporter.txt
COPY pyproject.toml README.md LICENSE ./
COPY exporter/ exporter/
COPY queryapi/ queryapi/
RUN /opt/build/bin/python -m hatchling build -t wheel -d /wheels
RUN pip --python /opt/gpuscope/bin/python install --no-deps --no-index /wheels/*.whl

FROM ${PYTHON}
LABEL org.opencontainers.image.title="gpuscope-exporter" \
      org.opencontainers.image.description="Prometheus exporters of GPU nodes and GPU clusters" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/gpuscope/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HEALTH_URL=http://127.0.0.1:9400/healthz
COPY --from=build /opt/gpuscope /opt/gpuscope
USER 10001:10001
# The node exporter's, the cluster exporter's; of the latter HEALTH_URL is to name 9401.
EXPOSE 9400 9401
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(os.environ['HEALTH_URL'], timeout=4)"]
ENTRYPOINT ["gpuscope-exporter"]
