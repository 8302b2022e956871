# One image for web and worker. Written for Docker or Podman; it has not been built where it was written.
FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY Makefile requirements.lock ./
RUN make install PYTHON=/usr/local/bin/python3
COPY . .
ENV PATH=/app/.venv/bin:$PATH DJANGO_SETTINGS_MODULE=config.settings.production DIPTYCH_VAR=/data PYTHONUNBUFFERED=1
RUN SECRET_KEY=only-while-collecting-static-files-0000 DIPTYCH_VAR=/app/var python manage.py collectstatic --noinput --verbosity 0 \
 && useradd --system --uid 10001 diptych && mkdir /data && chown diptych /data
ENV STATIC_ROOT=/app/var/static
USER diptych
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--workers", "3", "--threads", "8"]
