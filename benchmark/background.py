"""Background work of this app."""

from imagebank.jobs import register_job

from .services.comparison import run_comparison


@register_job("comparison")
def comparison_job(job) -> dict:
    """Compare people and networks of the job's study under payload's seed."""
    comparison = run_comparison(study=job.study, seed=job.payload.get("seed", 0), user=job.created_by)
    return {"comparison": comparison.pk}
