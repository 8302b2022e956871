# One image for web and worker, for Docker or Podman. docs/server.md: from nothing to a running site, and what was run of it.
FROM python:3.11-slim-bookworm
# Pango makes PDF reports; PostgreSQL's client, of the database's version or newer, makes and restores backups.
# Fonts for the letters of a study's names, such as "fonts-noto-cjk" for Chinese, Japanese and Korean: see docs/server.md.
ARG FONTS=
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 make postgresql-client $FONTS \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
# Before the sources, so that a new version of ours builds in a minute: only another lock installs again.
COPY Makefile requirements.lock ./
# For a machine without a GPU: the address or folder of the CPU-only build of torch and torchvision, from its makers' installation page.
ARG CPU_WHEELS=
RUN make install PYTHON=/usr/local/bin/python3 CPU_WHEELS="$CPU_WHEELS" && rm -rf /root/.cache
COPY . .
ENV PATH=/app/.venv/bin:$PATH DJANGO_SETTINGS_MODULE=config.settings.production DIPTYCH_VAR=/data STATIC_ROOT=/app/static \
    MPLCONFIGDIR=/app/matplotlib PYTHONUNBUFFERED=1
# gunicorn's options. Its sign of life lies in memory, where no busy disk delays it; WEB_CONCURRENCY is the number of processes.
ENV WEB_CONCURRENCY=3 GUNICORN_CMD_ARGS="--bind 0.0.0.0:8000 --threads 8 --worker-tmp-dir /dev/shm --no-control-socket"
# Made once, here: the account of the site cannot write below /app, but for matplotlib's list of fonts, which takes seconds to make
# and is read only where it could be written.
RUN SECRET_KEY=only-while-collecting-static-files-0000 DIPTYCH_VAR=/tmp/var python manage.py collectstatic --noinput --verbosity 0 \
 && rm -r /tmp/var \
 && python -m compileall -q config imagebank surveys models_ml generative benchmark \
 && python -c "import matplotlib.font_manager" \
 && groupadd --gid 10001 diptych && useradd --uid 10001 --gid 10001 --home-dir /data diptych && mkdir /data && chown -R diptych:diptych /data /app/matplotlib && chmod 750 /data
USER diptych
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "config.wsgi"]
