"""The worker process: it owns the device, keeps the base model loaded, and runs one job at a time.

It meets the page only in the workspace's folder. It may be killed at any moment: a picture or a concept file
is whole or not there.
"""
