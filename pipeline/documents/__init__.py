"""From archived pages to text, one outcome for each page."""
