"""Read by gunicorn in the folder of the sources; options on its command line go first."""

# Pages are loaded once, before the processes part: they share that memory, and none is taken for dead while a busy machine loads it.
preload_app = True
