"""Pictures in a bucket: a real S3 server answers over HTTP, and goes away when a test says so."""

import shutil
import uuid

import boto3
import pytest
from django.core.files.storage import default_storage
from django.urls import reverse
from moto.server import ThreadedMotoServer
from PIL import Image

from generative.services.pictures import write_study_pictures
from imagebank.bank_jobs import IMPORT
from imagebank.jobs import queue_job, retry_job, run_job
from imagebank.models import ItemImage, Job
from imagebank.services import removal
from imagebank.services.storing import StoreAway, local_file, store_bytes
from imagebank.services.uploads import keep_upload
from models_ml.services.manifests import export_manifest

from .factories import DiagnosisClassFactory, ItemImageFactory, MembershipFactory, full_study, jpeg_bytes
from .test_backup import Site
from .test_pages import zip_of

pytestmark = pytest.mark.once  # of files, whatever the database
KEYS = {"aws_access_key_id": "site", "aws_secret_access_key": "secret", "region_name": "us-east-1"}


class Bucket:
    """A bucket on a server of this test, seen past the product."""

    def __init__(self, server: ThreadedMotoServer):
        self.server, self.name = server, f"pictures-{uuid.uuid4().hex[:12]}"
        host, port = server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self.client = boto3.client("s3", endpoint_url=self.endpoint, **KEYS)
        self.client.create_bucket(Bucket=self.name)

    def names(self) -> set[str]:
        return {row["Key"] for row in self.client.list_objects_v2(Bucket=self.name).get("Contents", [])}

    def read(self, name: str) -> bytes:
        return self.client.get_object(Bucket=self.name, Key=name)["Body"].read()

    def environment(self) -> dict[str, str]:
        return {
            "AWS_STORAGE_BUCKET_NAME": self.name,
            "AWS_S3_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEYS["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": KEYS["aws_secret_access_key"],
        }


@pytest.fixture
def server():
    made = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def bucket(server, settings, tmp_path):
    made = Bucket(server)
    settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    settings.AWS_STORAGE_BUCKET_NAME = made.name
    options = {"bucket_name": made.name, "endpoint_url": made.endpoint, "region_name": "us-east-1"}
    keys = {"access_key": KEYS["aws_access_key_id"], "secret_key": KEYS["aws_secret_access_key"]}
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "imagebank.bucket.PrivateBucket", "OPTIONS": options | keys}
    }
    return made


def on_disk(settings) -> list[str]:
    return [path.name for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]


def test_a_picture_lies_in_the_bucket_alone_and_has_no_address(bucket, settings):
    name = store_bytes(folder="images", suffix=".jpg", data=b"pixels")
    assert store_bytes(folder="images", suffix=".jpg", data=b"pixels") == name
    assert bucket.names() == {name}
    assert bucket.read(name) == b"pixels"
    assert on_disk(settings) == []
    with pytest.raises(NotImplementedError):
        default_storage.url(name)
    grants = bucket.client.get_object_acl(Bucket=bucket.name, Key=name)["Grants"]
    assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"], "its owner, and nobody else"


@pytest.mark.django_db
def test_pages_give_pictures_to_members_alone_and_never_an_address_of_the_bucket(bucket, client):
    member = MembershipFactory()
    picture = ItemImageFactory(item__study=member.study)
    shown = picture.renditions.get(name="thumbnail")
    address = reverse("imagebank:image", args=[member.study.slug, picture.public_id, shown.name])
    assert client.get(address).status_code == 302
    client.force_login(MembershipFactory().user)
    assert client.get(address).status_code in (403, 404)
    client.force_login(member.user)
    given = client.get(address)
    assert b"".join(given.streaming_content) == bucket.read(shown.file.name)
    page = client.get(reverse("imagebank:items", args=[member.study.slug])).content.decode()
    assert address.rsplit("/", 2)[0] in page
    assert not [word for word in (bucket.name, bucket.endpoint, "X-Amz") if word in page]


@pytest.mark.django_db
def test_a_stored_file_is_opened_as_often_as_one_likes(bucket):
    picture = ItemImageFactory()
    with picture.file.open("rb") as file:
        once = file.read()
    with picture.file.open("rb") as file, Image.open(file) as opened:
        assert opened.size == (picture.width, picture.height)
        file.seek(0)
        assert file.read() == once == bucket.read(picture.file.name)


@pytest.mark.django_db
def test_programs_that_need_files_get_the_very_bytes_and_missing_ones_are_said_as_on_a_disk(bucket, settings, tmp_path):
    study = full_study()
    held = {bucket.read(image.file.name) for image in ItemImage.objects.all()}
    export_manifest(study=study, out=tmp_path / "package")
    assert {path.read_bytes() for path in (tmp_path / "package" / "images").rglob("*.jpg")} == held
    write_study_pictures(study=study, view="focused", folder=tmp_path / "real")
    assert {path.read_bytes() for path in (tmp_path / "real" / "pictures").iterdir()} < held

    gone = ItemImage.objects.first()
    local_file(gone.file).unlink()
    bucket.client.delete_object(Bucket=bucket.name, Key=gone.file.name)
    with pytest.raises(Exception, match="1 pictures are missing from the store"):
        export_manifest(study=study, out=tmp_path / "again")


@pytest.mark.django_db(transaction=True)
def test_a_deleted_study_leaves_nothing_in_the_bucket_nor_a_copy_here_but_what_another_needs(bucket, settings, monkeypatch):
    monkeypatch.setattr(removal, "SETTLED_AFTER_S", 0)
    shared = jpeg_bytes(seed=77)
    leaving, staying = full_study(classes=1, items_per_class=1), full_study(classes=1, items_per_class=1)
    both = [ItemImageFactory(item=study.items.first(), view="third", data=shared) for study in (leaving, staying)]
    own = {image.file.name for image in ItemImage.objects.filter(item__study=leaving)} - {both[0].file.name}
    for image in ItemImage.objects.all():
        local_file(image.file)
    removal.begin_removal(study=leaving, confirmed=leaving.slug)
    job = run_job(Job.objects.latest("created_at").pk)
    assert job.state == Job.State.SUCCEEDED, job.error
    left = bucket.names()
    assert not own & left
    assert both[1].file.name in left
    assert not {name.rsplit("/", 1)[1] for name in own} & set(on_disk(settings))


@pytest.mark.django_db
def test_a_bucket_that_is_away_is_one_sentence_for_jobs_pages_and_probes(bucket, client, settings):
    member = MembershipFactory(role="coordinator")
    picture = ItemImageFactory(item__study=member.study)
    assert client.get("/readyz").json()["checks"]["storage"] == "ok"
    bucket.server.stop()

    with pytest.raises(StoreAway, match=f"The bucket {bucket.name}, .* did not answer: .*; try again"):
        store_bytes(folder="images", suffix=".jpg", data=b"more")
    probe = client.get("/readyz")
    assert (probe.status_code, probe.json()["checks"]["storage"]) == (503, "bucket unreachable")
    client.force_login(member.user)
    client.raise_request_exception = False
    page = client.get(reverse("imagebank:image", args=[member.study.slug, picture.public_id, "thumbnail"]))
    assert page.status_code == 503
    assert "The store of pictures does not answer" in page.content.decode()
    assert bucket.name not in page.content.decode()

    code = DiagnosisClassFactory(study=member.study).code
    upload = keep_upload(zip_of(f"new,{code},focused,a.jpg\n", a=jpeg_bytes(1)), suffix=".zip")
    job = run_job(queue_job(study=member.study, kind=IMPORT, title="Import", payload={"upload": upload}).pk)
    assert job.state == Job.State.FAILED
    assert job.error.startswith(f"The bucket {bucket.name}, where pictures are stored, did not answer")
    assert member.study.items.count() == 1, "nothing half done"

    again = ThreadedMotoServer(*bucket.server.get_host_and_port(), verbose=False)
    again.start()
    bucket.client.create_bucket(Bucket=bucket.name)
    run_job(retry_job(job=job).pk)
    again.stop()
    assert member.study.items.count() == 2, "the same job goes on where the bucket is back"


def test_a_wrong_name_or_key_says_what_the_store_said(bucket, settings):
    bucket.client.delete_bucket(Bucket=bucket.name)
    with pytest.raises(StoreAway, match="refused: NoSuchBucket"):
        store_bytes(folder="images", suffix=".jpg", data=b"pixels")


@pytest.mark.django_db
def test_a_backup_moves_a_site_out_of_a_bucket_and_into_one(server, tmp_path, migrated_database):
    first, last = Bucket(server), Bucket(server)
    sites = [Site(tmp_path / f"var-{name}", f"sqlite:///{tmp_path}/{name}.sqlite3") for name in "abc"]
    for site, where in zip(sites, (first, None, last), strict=True):
        site.env |= where.environment() if where else {}
    shutil.copyfile(migrated_database, tmp_path / "a.sqlite3")
    assert sites[0].manage("load_study", "fixtures/founding").returncode == 0
    first.client.put_object(Bucket=first.name, Key="images/ab/abc.jpg", Body=b"pixels")
    copy = tmp_path / "var-a" / "media" / "images" / "ab" / "copy.jpg"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"a copy of what lies in the bucket")

    for source, target in zip(sites, sites[1:]):
        saved = str(tmp_path / f"{source.env['DIPTYCH_VAR'][-1]}.tar.gz")
        for done in (source.manage("backup", saved), target.manage("restore", saved)):
            assert done.returncode == 0, done.stderr
        assert target.titles() == source.titles() != "[]"
    assert (tmp_path / "var-b" / "media" / "images" / "ab" / "abc.jpg").read_bytes() == b"pixels"
    assert not list((tmp_path / "var-b").rglob("copy.jpg"))
    assert last.names() == {"images/ab/abc.jpg"}
    assert not list((tmp_path / "var-c").rglob("abc.jpg"))

    server.stop()
    refused = sites[2].manage("backup", str(tmp_path / "away.tar.gz"))
    assert (refused.returncode, "did not answer" in refused.stderr) == (2, True)
    assert not list(tmp_path.glob("*away*"))
