"""Makes `data/released` from finished runs: weights, manifest, model card and pictures."""
