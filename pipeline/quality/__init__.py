"""Quality: what is measured of a document, and the rules that decide which are kept."""
