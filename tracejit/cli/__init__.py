"""The command line, which needs ``tracejit[cli]``."""
