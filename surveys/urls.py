"""Addresses of the surveys: the readers' under r/, the coordinators' under studies/."""

from django.urls import path

from surveys import reading_events, reading_views

app_name = "surveys"

urlpatterns = [
    path("r/<str:token>/", reading_views.landing, name="landing"),
    path("r/<str:token>/consent/", reading_views.consent, name="consent"),
    path("r/<str:token>/about-you/", reading_views.about, name="about"),
    path("r/<str:token>/instructions/", reading_views.instructions, name="instructions"),
    path("r/<str:token>/practice/", reading_views.practice, name="practice"),
    path("r/<str:token>/break/<int:position>/", reading_views.take_break, name="break"),
    path("r/<str:token>/block/<int:position>/", reading_views.block_page, name="block"),
    path("r/<str:token>/block/<int:position>/seal/", reading_views.seal, name="seal"),
    path("r/<str:token>/thanks/", reading_views.thanks, name="thanks"),
    path("r/<str:token>/events/", reading_events.events, name="events"),
    path("r/<str:token>/image/<str:public_id>/", reading_views.image, name="image"),
]
