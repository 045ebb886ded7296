"""`webtext forget`: pages leave every table, archive and shard of a corpus, and stay out."""
