"""How data sets lie on disk: one module for each layout."""
