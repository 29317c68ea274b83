# Two stages: the first builds an environment with the pinned dependencies and Patchbay, the second only carries it.
# The version that the tests run on.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
WORKDIR /source
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/patchbay \
    && /opt/patchbay/bin/pip install --require-hashes --requirement requirements.lock \
    && pip install --require-hashes --requirement requirements-build.lock
COPY . .
RUN pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/patchbay/bin/pip install --no-index --no-deps /wheels/*.whl

FROM python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="Patchbay" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin patchbay \
    && install --directory --owner patchbay --mode 0750 /data
COPY --from=build /opt/patchbay /opt/patchbay
ENV PATH=/opt/patchbay/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PATCHBAY_HOST=0.0.0.0 \
    PATCHBAY_PORT=8400
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8400
# Alive, not ready: a container that only waits for its database must not be killed for it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PATCHBAY_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["patchbay"]
CMD ["serve"]
