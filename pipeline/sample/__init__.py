"""The sample that comes with the project: 420 real pages and a dump month that links to them.

The pages are documentation of PostgreSQL, Python and SQLite (`NOTICE` has their
licences).  The posts and comments of the dump are made up, in the layout of a
Reddit dump; `make.py` made both files.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
PAGES = FOLDER / "pages.warc.gz"
POSTS = FOLDER / "RS_2024-01.zst"
COMMENTS = FOLDER / "RC_2024-01.zst"
