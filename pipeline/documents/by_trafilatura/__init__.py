"""The main text by trafilatura: chosen by setting, or where the choice among blocks falls short."""
