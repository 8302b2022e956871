"""Stored pictures in an S3 bucket that nobody but this site reads. Used once AWS_STORAGE_BUCKET_NAME is set.

Runs of networks, comparisons and uploads under way stay below DIPTYCH_VAR: their processes need a file system.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from storages.backends.s3 import S3Storage

from imagebank.services.storing import StoreAway


class Fetched(File):
    """The bytes of a stored file. Closed and opened again it begins anew, as a file on a disk does."""

    def __init__(self, data: bytes, name: str):
        super().__init__(io.BytesIO(data), name)
        self.data = data

    def open(self, mode=None, *args, **kwargs):
        self.file = io.BytesIO(self.data)
        return self


class PrivateBucket(S3Storage):
    """Django's file storage over one bucket. It makes no address: every file goes through a page that asks who is there."""

    def __init__(self, *, endpoint_url: str = "", **settings):
        """endpoint_url: of a store that is not Amazon's own. Such stores know buckets by path, and not all know its newer checksums."""
        own = {"s3": {"addressing_style": "path"}, "request_checksum_calculation": "when_required"} if endpoint_url else {}
        super().__init__(
            endpoint_url=endpoint_url or None,
            file_overwrite=True,  # names are made from contents: the same name is the same file
            default_acl=None,
            client_config=Config(
                signature_version="s3v4", connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3}, **own
            ),
            **settings,
        )

    def url(self, name, *args, **kwargs):
        raise NotImplementedError("Files of this site have no address of their own.")

    def check(self) -> None:
        """Raises StoreAway when the bucket cannot be read."""
        with self._reached():
            self.connection.meta.client.head_bucket(Bucket=self.bucket_name)

    def names(self) -> Iterator[str]:
        """Every stored name."""
        root = f"{self.location.strip('/')}/" if self.location else ""
        with self._reached():
            for stored in self.bucket.objects.filter(Prefix=root):
                yield stored.key.removeprefix(root)

    def _open(self, name, mode="rb"):
        if mode != "rb":
            raise ValueError(f'Stored files are read as bytes, not in the mode "{mode}".')
        with self._reached():
            try:
                data = self.bucket.Object(self._normalize_name(name)).get()["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchKey":
                    raise FileNotFoundError(f"{name} is not in the bucket {self.bucket_name}.") from error
                raise
        return Fetched(data, name)

    def _save(self, name, content):
        with self._reached():
            return super()._save(name, content)

    def delete(self, name):
        with self._reached():
            super().delete(name)

    def exists(self, name):
        with self._reached():
            return super().exists(name)

    def size(self, name):
        with self._reached():
            return super().size(name)

    def get_modified_time(self, name):
        with self._reached():
            try:
                return super().get_modified_time(name)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    raise FileNotFoundError(f"{name} is not in the bucket {self.bucket_name}.") from error
                raise

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise StoreAway(self._sentence(f"refused: {error.response['Error'].get('Code', 'no reason given')}")) from error
        except (BotoCoreError, Boto3Error) as error:
            raise StoreAway(self._sentence(f"did not answer: {type(error).__name__}")) from error

    def _sentence(self, why: str) -> str:
        return (
            f"The bucket {self.bucket_name}, where pictures are stored, {why}. What was stored before is whole; try again, "
            "and if it stays so, look after AWS_STORAGE_BUCKET_NAME and its keys."
        )
