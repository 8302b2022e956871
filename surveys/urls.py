"""Addresses of the surveys: the readers' under r/, the coordinators' under studies/."""

from django.urls import path

from surveys.coordination import (
    debrief_views,
    end_views,
    new_rating_views,
    new_study_views,
    recruitment_views,
    set_up_views,
)
from surveys.coordination import views as coordinator_views
from surveys.exports import views as export_views
from surveys.reading import debrief as reading_debrief
from surveys.reading import events as reading_events
from surveys.reading import outputs as reading_outputs
from surveys.reading import participation as reading_participation
from surveys.reading import views as reading_views

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
    path("r/<str:token>/results/", reading_debrief.results, name="own-results"),
    path("r/<str:token>/results/<int:number>/", reading_debrief.one_item, name="own-item"),
    path("r/<str:token>/results/image/<str:public_id>/", reading_debrief.image, name="own-image"),
    path("r/<str:token>/certificate/", reading_participation.participation, name="participation"),
    path("r/<str:token>/certificate.pdf", reading_participation.participation_pdf, name="participation-pdf"),
    path("r/<str:token>/events/", reading_events.events, name="events"),
    path("r/<str:token>/image/<str:public_id>/", reading_views.image, name="image"),
    path("r/<str:token>/output/<str:public_id>/", reading_outputs.output, name="output"),
    path("r/<str:token>/output/<str:public_id>/map/", reading_outputs.output_map, name="output-map"),
    path("new-study/", new_study_views.new_study, name="new-study"),
    path("new-study/describe/", set_up_views.describe, name="describe"),
    path("studies/<slug:slug>/set-up/", set_up_views.set_up, name="set-up"),
    path("studies/<slug:slug>/end/", end_views.end, name="end"),
    path("studies/<slug:slug>/delete/", end_views.delete, name="delete"),
    path("studies/<slug:slug>/study.toml", set_up_views.study_file, name="study-file"),
    path("studies/<slug:slug>/surveys/new-rating/", new_rating_views.new_rating, name="new-rating"),
    path("studies/<slug:slug>/surveys/", coordinator_views.overview, name="overview"),
    path("studies/<slug:slug>/surveys/draw/", coordinator_views.draw, name="draw"),
    path("studies/<slug:slug>/surveys/certificate/", coordinator_views.certificate, name="certificate"),
    path("studies/<slug:slug>/surveys/design.json", coordinator_views.design_file, name="design-file"),
    path("studies/<slug:slug>/surveys/seats/", coordinator_views.seats, name="seats"),
    path("studies/<slug:slug>/surveys/seats/release/", coordinator_views.release, name="release"),
    path("studies/<slug:slug>/surveys/seats/<int:pk>/", coordinator_views.seat, name="seat"),
    path("studies/<slug:slug>/surveys/seats/<int:pk>/replace/", coordinator_views.replace, name="replace"),
    path("studies/<slug:slug>/surveys/seats/<int:pk>/renew/", recruitment_views.renew, name="renew"),
    path("studies/<slug:slug>/surveys/readers/", recruitment_views.readers, name="readers"),
    path("studies/<slug:slug>/surveys/readers/invite/", recruitment_views.invite_reader, name="invite"),
    path("studies/<slug:slug>/surveys/readers/list/", recruitment_views.invite_list, name="invite-list"),
    path("studies/<slug:slug>/surveys/readers/letters/", recruitment_views.letters, name="letters"),
    path("studies/<slug:slug>/surveys/readers/remind/", recruitment_views.remind, name="remind"),
    path("studies/<slug:slug>/surveys/readers/<int:pk>/withdraw/", recruitment_views.withdraw, name="withdraw"),
    path("studies/<slug:slug>/surveys/readers/<int:pk>/erase/", recruitment_views.erase, name="erase"),
    path(
        "studies/<slug:slug>/surveys/readers/<int:pk>/<slug:action>/",
        recruitment_views.reader_action,
        name="reader-action",
    ),
    path("studies/<slug:slug>/surveys/debrief/", debrief_views.debrief, name="debrief"),
    path("studies/<slug:slug>/surveys/debrief/preview/", debrief_views.preview, name="debrief-preview"),
    path("studies/<slug:slug>/surveys/debrief/preview/<int:number>/", debrief_views.preview_item, name="debrief-preview-item"),
    path("studies/<slug:slug>/surveys/debrief/certificate/", debrief_views.check_certificate, name="debrief-certificate"),
    path("studies/<slug:slug>/surveys/recruitment/", recruitment_views.recruitment, name="recruitment"),
    path("studies/<slug:slug>/surveys/recruitment.csv", recruitment_views.recruitment_file, name="recruitment-file"),
    path(
        "studies/<slug:slug>/surveys/recruitment/<slug:group>.svg",
        recruitment_views.recruitment_figure,
        name="recruitment-figure",
    ),
    path("studies/<slug:slug>/surveys/exports/", export_views.exports, name="exports"),
    path("studies/<slug:slug>/surveys/exports/verify/", export_views.verify_answers, name="verify-answers"),
    path("studies/<slug:slug>/surveys/exports/<str:name>", export_views.export_file, name="export-file"),
    path("studies/<slug:slug>/surveys/readings.csv", export_views.readings_file, name="readings-file"),
    path("studies/<slug:slug>/surveys/ratings.csv", export_views.ratings_file, name="ratings-file"),
    path("studies/<slug:slug>/surveys/preview/<str:code>/<int:position>/", coordinator_views.preview, name="preview"),
    path(
        "studies/<slug:slug>/surveys/preview/<str:code>/<slug:name>/",
        coordinator_views.preview_words,
        name="preview-words",
    ),
    path("studies/<slug:slug>/surveys/picture/<str:public_id>/", coordinator_views.picture, name="picture"),
    path("studies/<slug:slug>/surveys/practice/<str:public_id>/", coordinator_views.practice_picture, name="practice-picture"),
    path("studies/<slug:slug>/surveys/output-map/<str:public_id>/", coordinator_views.output_map, name="output-map-preview"),
]
