# The demo fleet: a Kubernetes API server, kubelets, and node exporters on a stand-in driver. For
# docker-compose.yml; no part of the product. From the top of the checkout:
#
#     docker build -f deploy/docker/demo.Dockerfile -t gpuscope-demo .
ARG PYTHON=python:3.11.15-slim-bookworm@sha256:b18992999dbe963a45a8a4da40ac2b1975be1a776d939d098c647482bcad5cba

FROM ${PYTHON} AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# The stand-in driver is written in C. Only this stage has a compiler.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/build && python -m venv --without-pip /opt/gpuscope
COPY locks/build.txt locks/demo.txt locks/
RUN pip --python /opt/build/bin/python install --require-hashes --only-binary=:all: -r locks/build.txt
RUN pip --python /opt/gpuscope/bin/python install --require-hashes --only-binary=:all: -r locks/demo.txt
COPY pyproject.toml README.md LICENSE ./
COPY exporter/ exporter/
COPY queryapi/ queryapi/
RUN /opt/build/bin/python -m hatchling build -t wheel -d /wheels
RUN pip --python /opt/gpuscope/bin/python install --no-deps --no-index /wheels/*.whl
# Without its sources, the library counts as up to date.
WORKDIR /opt/demo
COPY demo/ demo/
RUN python -m demo.nvml build && rm demo/nvml/*.c demo/nvml/*.h && chmod -R a+rX /opt/demo

FROM ${PYTHON}
LABEL org.opencontainers.image.title="gpuscope-demo" \
      org.opencontainers.image.description="A fleet of 44 nodes and 300 GPUs that does not exist" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/gpuscope/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/gpuscope /opt/gpuscope
COPY --from=build /opt/demo /opt/demo
# The volume takes over whose this is.
RUN install -d -o 10001 -g 10001 /run/demo
WORKDIR /opt/demo
USER 10001:10001
EXPOSE 6443
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:6443/readyz', timeout=4); os.stat('/run/demo/targets/gpu-node.yml')"]
ENTRYPOINT ["python", "-m"]
CMD ["demo.container", "--shared=/run/demo"]
