# The query API. From the top of the checkout:
#
#     docker build -f deploy/docker/queryapi.Dockerfile -t gpuscope-api .
#
# It listens on loopback, which is the container's own, until settings say otherwise, and those must
# say then who may ask: docs/security.md. /tmp is written too: with a read-only root, a tmpfs.
ARG PYTHON=python:3.11.15-slim-bookworm@sha256:b18992999dbe963a45a8a4da40ac2b1975be1a776d939d098c647482bcad5cba

FROM ${PYTHON} AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/build && python -m venv --without-pip /opt/gpuscope
COPY locks/build.txt locks/queryapi.txt locks/
RUN pip --python /opt/build/bin/python install --require-hashes --only-binary=:all: -r locks/build.txt
RUN pip --python /opt/gpuscope/bin/python install --require-hashes --only-binary=:all: -r locks/queryapi.txt
COPY pyproject.toml README.md LICENSE ./
COPY exporter/ exporter/
COPY queryapi/ queryapi/
RUN /opt/build/bin/python -m hatchling build -t wheel -d /wheels
RUN pip --python /opt/gpuscope/bin/python install --no-deps --no-index /wheels/*.whl

FROM ${PYTHON}
LABEL org.opencontainers.image.title="gpuscope-api" \
      org.opencontainers.image.description="JSON APIs of GPU clusters, answered from Prometheus" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/gpuscope/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/gpuscope /opt/gpuscope
# Volumes take over whose these are: the database's, and the tokens'.
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/gpuscope /var/lib/gpuscope-tokens
WORKDIR /var/lib/gpuscope
USER 10001:10001
EXPOSE 8080 8081 50062
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["gpuscope-api"]
