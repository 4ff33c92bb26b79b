"""Where the photos of a Ray job come from: ``assets/contracts/photo_files.py``, with errors that quarantine a photo."""

from assets.contracts.photo_files import PhotoFiles, PhotoUnreadable
from models.decoding import UnscorablePhoto


class PhotoSource(PhotoFiles):
    """Reads the bytes of photos; one that cannot be read is a photo that cannot be scored."""

    def read(self, uri: str) -> bytes:
        """Bytes of one photo.

        Raises:
            UnscorablePhoto: ``missing`` if file, member or row does not exist; ``unreadable`` if it may not be
                read; ``unreadable_container`` if the tar or Parquet file around it is broken.
            OSError: The storage failed three times in a row; this is no fault of the photo.
        """
        try:
            return super().read(uri)
        except PhotoUnreadable as error:
            raise UnscorablePhoto(error.reason, error.detail) from error
