"""The browser page: the only place that knows Gradio. It shows the workspace and never imports torch."""

import os

from studio.ui import gradio_import

# Read once, when gradio is imported: no version check, no usage report.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
gradio_import.install()
