"""The command line of launch.py and the installation. Needs only the standard library."""
