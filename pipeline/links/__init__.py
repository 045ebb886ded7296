"""The links stage: from dumps, the API and lists to one row a page."""
