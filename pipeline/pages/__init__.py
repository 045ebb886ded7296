"""Pages: every link fetched once, politely, or found in an archive; one outcome each."""
