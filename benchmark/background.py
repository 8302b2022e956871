"""Background work of this app."""

from imagebank.jobs import register_job

from .services.comparison import run_comparison


@register_job("comparison")
def comparison_job(run) -> dict:
    """Compare people and networks of the job's study under payload's seed."""
    comparison = run_comparison(study=run.study, seed=run.payload.get("seed", 0))
    return {"comparison": comparison.pk}
