"""`pytest --nbval-lax notebooks` runs the notebooks cell by cell, at the smoke profile."""

import os
import tempfile

os.environ.setdefault("PIX2PIX_PROFILE", "smoke")
os.environ.setdefault("PIX2PIX_OUTPUT", tempfile.mkdtemp(prefix="pix2pix-notebooks-"))
