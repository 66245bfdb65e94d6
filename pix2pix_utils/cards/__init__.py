"""Model cards and data cards: Markdown pages with the metadata that model hubs read.

Every run has one in its folder, every release and every data set can have one. `run_card`,
`data_card` and `release.card` collect the facts, the `.md` files here are the templates, `terms`
knows the licences of data sets and `words` the names of networks and losses in plain English.
"""
