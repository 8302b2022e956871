"""Background work of this app: comparisons and their check, simulated studies, readers' regions, assistance."""

from imagebank.jobs import JobRun, register_job
from models_ml.models import AttributionSet

from .models import AnalysisPlan, Comparison, StoredPredictions
from .protocol.printing import MAKE_PDF, make_pdf
from .services.assistance import FREEZE, assist
from .services.checking import recompute, renew
from .services.comparison import STAMPED, run_comparison
from .services.documents import make_documents
from .services.planning import simulate_design
from .services.region_sums import REGION_SUM, sum_regions
from .services.rehearsal import REHEARSE, Assumed, rehearse


@register_job("comparison")
def comparison_job(run: JobRun) -> dict:
    """Compare people and networks of the job's study.

    Payload: seed; plan, the key of a stamped plan, null for none, absent for the current one; predictions, a key.
    """
    from benchmark.core.output.writing import fonts_wanting  # with numpy behind it, which the web process does without

    plan = run.payload.get("plan", STAMPED)
    predictions = run.payload.get("predictions")
    comparison = run_comparison(
        study=run.study,
        seed=run.payload.get("seed", 0),
        plan=AnalysisPlan.objects.get(study=run.study, pk=plan) if isinstance(plan, int) else plan,
        predictions=StoredPredictions.objects.get(study=run.study, pk=predictions) if predictions else None,
        user=run.job.created_by,
        progress=_told_to(run),
    )
    if told := fonts_wanting(comparison.folder):
        run.log(told)
    run.log(f"Comparison {comparison.pk} is ready.")
    return {"comparison": comparison.pk}


@register_job("comparison-check")
def comparison_check_job(run: JobRun) -> dict:
    """Run the comparison of payload again and compare every byte."""
    comparison = Comparison.objects.get(study=run.study, pk=run.payload["comparison"])
    found = recompute(comparison=comparison, progress=_told_to(run))
    run.log(
        f"{found.files} files compared; "
        + (f"{len(found.different)} differ: {', '.join(found.different)[:400]}" if found.different else "all the same.")
    )
    return {"comparison": comparison.pk, "files": found.files, "different": found.different}


@register_job("comparison-renewal")
def comparison_renewal_job(run: JobRun) -> dict:
    """Analyse the inputs of the comparison in payload again, in place of what an older version made."""
    comparison = Comparison.objects.get(study=run.study, pk=run.payload["comparison"])
    renew(comparison=comparison, user=run.job.created_by, progress=_told_to(run))
    run.log(f"Comparison {comparison.pk} is made by this version.")
    return {"comparison": comparison.pk}


@register_job("comparison-documents")
def comparison_documents_job(run: JobRun) -> dict:
    """Make the report as PDF and the tables for Word of the comparison in payload."""
    comparison = Comparison.objects.get(study=run.study, pk=run.payload["comparison"])
    made = make_documents(comparison=comparison, progress=_told_to(run))
    run.log(f"Made: {', '.join(path.name for path in made)}.")
    return {"comparison": comparison.pk, "documents": [path.name for path in made]}


@register_job("study-simulation", long=True)
def simulation_job(run: JobRun) -> dict:
    """Simulate whole studies of the design in payload."""
    return simulate_design(**run.payload, progress=_told_to(run))


@register_job(REGION_SUM, long=True)
def region_sum_job(run: JobRun) -> dict:
    """What readers marked against the maps of the attribution in payload; the sum is the job's result."""
    sets = AttributionSet.objects.select_related("ensemble__run__study", "ensemble__study__protocol")
    found = sum_regions(made=sets.get(ensemble__study=run.study, pk=run.payload["set"]), progress=_told_to(run))
    run.log(f"{len(found['pictures'])} regions of {len(found['groups'])} groups")
    return found


@register_job(FREEZE, long=True)
def assistance_job(run: JobRun) -> dict:
    """Freeze what readers will see of the network in payload."""
    name = run.payload["network"]
    frozen = assist(
        study=run.study, name=name, user=run.job.created_by,
        progress=lambda done, total: run.progress(done=done, total=total, message=f"{name}, image {done} of {total}"),
    )  # fmt: skip
    run.log(f"{frozen.outputs.count()} images, hash {frozen.sha256[:16]}.")
    return {"network": name, "sha256": frozen.sha256}


@register_job(REHEARSE, long=True)
def rehearsal_job(run: JobRun) -> dict:
    """Rehearse the job's study as payload assumes, at the address of payload; begun before, it goes on."""
    comparison = rehearse(
        study=run.study, assumed=Assumed.from_json(run.payload["assumed"]), slug=run.payload["slug"],
        user=run.job.created_by, progress=_told_to(run),
    )  # fmt: skip
    run.log(f"Comparison {comparison.pk} of {comparison.study.slug} is ready.")
    return {"rehearsal": comparison.study.slug, "comparison": comparison.pk}


@register_job(MAKE_PDF)
def protocol_pdf_job(run: JobRun) -> dict:
    """Set the pages of the study's protocol with the record and the assumed world of payload."""
    run.progress(done=0, total=1, message="Setting the pages")
    found = make_pdf(study=run.study, record=run.payload["record"], assumed=run.payload["assumed"])
    run.progress(done=1, total=1, message="Done")
    return found


def _told_to(run: JobRun):
    return lambda done, total, words: run.progress(done=done, total=total, message=words)
