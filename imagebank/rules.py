"""Names of the permissions, found by django-rules at start: `user.has_perm("imagebank.see_truth", study)`."""

import rules

from imagebank import permissions

rules.add_perm("imagebank.see_study", permissions.may_see_study)
rules.add_perm("imagebank.see_truth", permissions.may_see_truth)
rules.add_perm("imagebank.see_provenance", permissions.may_see_provenance)
rules.add_perm("imagebank.run_jobs", permissions.may_run_jobs)
rules.add_perm("imagebank.coordinate", permissions.may_coordinate)
rules.add_perm("imagebank.analyse", permissions.may_analyse)
