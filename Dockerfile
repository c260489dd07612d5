# One image for the API, the workers and the migration. `make image-check` builds and starts it without a container engine.

# The dashboard, where the checkout has one. LICENSE is there so that COPY always finds something.
FROM node:20-slim AS dashboard
WORKDIR /build
COPY LICENSE web-dashboar[d] ./
RUN mkdir /dashboard \
    && if [ -f package.json ]; then npm ci --no-audit --no-fund && npm run build -- --outDir /dashboard --emptyOutDir; fi

# What needs pip: the locked packages and ours, in one environment; the tools that make our wheel stay behind.
FROM python:3.11-slim AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
# Some wheels come with symbols for debuggers; without them the image is 50 MB smaller. What patchelf has been at stays.
# hadolint ignore=DL3008  # a tool of this stage; its version makes no difference to what it takes away
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
COPY requirements-build.lock requirements-server.lock ./
RUN python3 -m venv /opt/fileorganizer \
    && python3 -m venv /opt/build \
    && /opt/fileorganizer/bin/pip install --no-deps --require-hashes -r requirements-server.lock \
    && /opt/build/bin/pip install --no-deps --require-hashes -r requirements-build.lock \
    && find /opt/fileorganizer -name '*.so' -size +1M -not -path '*.libs/*' -exec strip --strip-unneeded {} +
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
COPY --from=dashboard /dashboard ./src/backend/dashboard
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /wheels \
    && /opt/fileorganizer/bin/pip install --no-deps --no-index /wheels/*.whl \
    && /opt/fileorganizer/bin/pip uninstall --yes --quiet pip setuptools

FROM python:3.11-slim AS runtime
ARG VERSION=1.0.0.dev0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="FileOrganizer Pro" \
      org.opencontainers.image.description="Organizes folders, survives a crash at any instant, and takes it back on request." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The numbers are fixed, so that folders of the host can be given to this user; the two folders are where volumes go.
RUN groupadd --gid 10001 fileorganizer \
    && useradd --uid 10001 --gid fileorganizer --no-create-home --home-dir /var/lib/fileorganizer --shell /usr/sbin/nologin fileorganizer \
    && install -d -o fileorganizer -g fileorganizer -m 0700 /var/lib/fileorganizer /var/log/fileorganizer
COPY --from=builder /opt/fileorganizer /opt/fileorganizer
ENV PATH=/opt/fileorganizer/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENVIRONMENT=production \
    DATA_DIR=/var/lib/fileorganizer \
    LOG_DIR=/var/log/fileorganizer \
    API_HOST=0.0.0.0 \
    API_PORT=8000
USER 10001:10001
WORKDIR /var/lib/fileorganizer
EXPOSE 8000
# Answers 503 while the database or the storage is away; the worker's service has a check of its own in docker-compose.yml.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"API_PORT\"]}/health', timeout=4)"]
CMD ["fileorganizer", "serve"]
