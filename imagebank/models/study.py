"""A study, its classes, and the people who run it."""

from django.conf import settings
from django.db import models


class StudyQuerySet(models.QuerySet):
    def visible_to(self, user):
        """Studies in which `user` has a role; all of them for an administrator."""
        if not user.is_authenticated:
            return self.none()
        staying = self.filter(leaving_at=None)
        return staying if user.is_superuser else staying.filter(members__user=user).distinct()

    def in_use(self):
        """Studies that lists show; archived ones are looked up on purpose."""
        return self.filter(archived_at=None)


class Study(models.Model):
    """A question about images that people and networks answer: its classes and its views in reading order."""

    slug = models.SlugField(unique=True)
    title = models.CharField(max_length=200)
    summary = models.TextField(blank=True)
    citation = models.TextField(blank=True)
    nature = models.CharField(
        max_length=100,
        blank=True,
        help_text='What the pictures are when they are not photographs of patients, e.g. "drawn, not photographs".',
    )
    rehearsal_of = models.SlugField(
        blank=True, help_text="Address of the study that this one rehearses with simulated readers; it is none of its own."
    )
    views = models.JSONField(default=list, help_text='Ordered list of {"code", "label"}, e.g. focused, panoramic.')
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True, help_text="Set: out of the lists, and nothing changes it.")
    leaving_at = models.DateTimeField(null=True, blank=True, help_text="Set: being deleted, and shown to nobody.")

    objects = StudyQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "studies"

    def __str__(self):
        return self.title

    def view_codes(self) -> list[str]:
        return [view["code"] for view in self.views]

    def view_label(self, code: str) -> str:
        return next((view["label"] for view in self.views if view["code"] == code), code)


class DiagnosisClass(models.Model):
    """One of the answers that a study's question allows."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="classes")
    code = models.CharField(max_length=50)
    name = models.CharField(max_length=150)
    names = models.JSONField(
        default=dict, blank=True, help_text="The name in other languages, by code: what a study in that language calls it that shows the pictures."
    )  # fmt: skip
    description = models.TextField(blank=True)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["study", "position"]
        verbose_name_plural = "diagnosis classes"
        constraints = [
            models.UniqueConstraint(fields=["study", "code"], name="one_class_per_code"),
            models.UniqueConstraint(fields=["study", "position"], name="one_class_per_position"),
        ]

    def __str__(self):
        return self.name


class Membership(models.Model):
    """One person's role in one study. Administrators need none."""

    class Role(models.TextChoices):
        COORDINATOR = "coordinator", "Coordinator"
        ANALYST = "analyst", "Analyst"
        REVIEWER = "reviewer", "Reviewer"
        ENGINEER = "engineer", "Engineer"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["study", "user", "role"], name="one_membership_per_role")]

    def __str__(self):
        return f"{self.user}: {self.get_role_display()} of {self.study}"
