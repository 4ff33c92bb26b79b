"""Tables of the community: written to staging, audited, and published only when the audit passes.

Who is published and who is left out is in ``publishing.py``, what must be true in ``suites.py``, how it
is checked in ``audit.py``. This file says which tables there are and how some months of one are made.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from assets.community.audit import Finding, audit_months
from assets.community.publishing import StagedMonth, publish, stage_months
from assets.community.suites import statements
from assets.contracts.community import BLOCKS, EDGES, FAVORITES, GROUP_MEMBERSHIPS, PHOTOS, USER_QUALITY, USERS
from assets.contracts.crowd import CROWD_RATINGS, LABELS, RATERS
from assets.contracts.lake import Lake
from assets.contracts.table import TableContract
from assets.figures import months_figure
from assets.metadata import OWNERS, contract_description, contract_metadata, markdown_table, picture
from assets.partitions import months, one_run
from assets.resources import LakeResource
