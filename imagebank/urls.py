"""Addresses of the image bank, below the study they belong to."""

from django.urls import path

from imagebank import draft_views, member_views, split_views, upload_views, views

app_name = "imagebank"
BANK = "studies/<slug:slug>/images/"

urlpatterns = [
    path("studies/<slug:slug>/people/", member_views.people, name="people"),
    path("studies/<slug:slug>/people/<int:pk>/remove/", member_views.remove, name="remove-role"),
    path(BANK, views.item_list, name="items"),
    path(f"{BANK}item/<int:pk>/", views.item_detail, name="item"),
    path(f"{BANK}item/<int:pk>/review/", views.item_review, name="review"),
    path(f"{BANK}item/<int:pk>/exclude/", views.item_exclude, name="exclude"),
    path(f"{BANK}item/<int:pk>/include/", views.item_include, name="include"),
    path(f"{BANK}review/", views.next_review, name="next-review"),
    path(f"{BANK}import/", views.bank_import, name="import"),
    path(f"{BANK}import/piece/", upload_views.bank_piece, name="piece"),
    path(f"{BANK}import/draft/", draft_views.bank_draft, name="draft"),
    path(f"{BANK}import/draft/<uuid:pk>/", draft_views.bank_looked, name="looked"),
    path(f"{BANK}split/", split_views.bank_split, name="split"),
    path(f"{BANK}data-card.md", views.data_card_file, name="data-card"),
    path(f"{BANK}leakage/", views.leakage, name="leakage"),
    path(f"{BANK}leakage/check/", views.leakage_check, name="leakage-check"),
    path(f"{BANK}<str:public_id>/<slug:rendition>/", views.image, name="image"),
]
