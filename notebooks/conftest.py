"""Under pytest the notebooks run at the smoke profile and write to a temporary folder."""

import os
import tempfile

os.environ.setdefault("PIX2PIX_PROFILE", "smoke")
os.environ.setdefault("PIX2PIX_OUTPUT", tempfile.mkdtemp(prefix="pix2pix-notebooks-"))
