"""Withdrawn photos leave the sample and the task: nobody may be asked to judge a photo whose owner has said no.

The sample is drawn again only when somebody decides to ask anew, so that it does not move under those who rate it.
Each run that counts ratings takes out what is no longer published, and draws nothing for it.
"""

from collections.abc import Callable

from assets.contracts.community import PHOTOS
from assets.contracts.crowd_sample import CROWD_SAMPLE
from assets.contracts.lake import Lake
from assets.contracts.table import UNDATED
from assets.crowd.scratch import scratch_database
from assets.crowd.stored_task import store_task, stored_basis

_PRUNED = "pruned"
"""Version of no code: a sample that lost photos is current for nobody, and is drawn anew when its turn comes."""


def withdraw_photos(lake: Lake, media_root: str, say: Callable[[str], None]) -> int:
    """Take photos that are no longer published out of the sample, and make the task without them.

    Copies of the task that were handed out are beyond reach; ratings of withdrawn photos that come back are not
    published.

    Args:
        lake: The lake.
        media_root: Where relative photo URIs start.
        say: Told whether there was news.

    Returns:
        Photos taken out of the sample.
    """
    gone = _prune_sample(lake)
    basis = stored_basis(lake)
    sample = lake.fingerprints(CROWD_SAMPLE.key)
    # Asked of the task itself, so that a run that was killed in between leaves nothing behind.
    if basis is not None and not sample.items() <= basis["inputs"].items():
        store_task(lake, media_root, sample | lake.fingerprints(PHOTOS.key), basis["image_url"], say)
    return gone


def _prune_sample(lake: Lake) -> int:
    commit = lake.commit_of(CROWD_SAMPLE.key, UNDATED)
    if commit is None:
        return 0
    with scratch_database() as connection:
        connection.register("photos", lake.dataset(PHOTOS))
        connection.register("sample", lake.dataset(CROWD_SAMPLE))
        published = "select * from sample where photo_id in (select photo_id from photos)"
        kept = CROWD_SAMPLE.conform(connection.execute(published).to_arrow_table())
    # Somebody who draws meanwhile knows better.
    if kept.num_rows < commit.rows and lake.commit_of(CROWD_SAMPLE.key, UNDATED) == commit:
        made_from = lake.fingerprints(CROWD_SAMPLE.key)
        lake.write(CROWD_SAMPLE, UNDATED, kept, code_version=_PRUNED, inputs=made_from)
    return commit.rows - kept.num_rows
