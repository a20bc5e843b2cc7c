"""The picture of a deployment, as built and as the reference architecture asks, in the same slots.

A slot is a row, a region and a place in the region. Which slot something has depends on declarations and on where Azure
runs it, never on its name. Where the reference architecture leaves a choice, such as which zones, the reference has
what is built, so that the two drawings differ only where the deployment differs from the reference architecture.
"""
