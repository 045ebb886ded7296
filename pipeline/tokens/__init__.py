"""The tokens stage: tokenizer, sentences, and shards that trainers open."""
