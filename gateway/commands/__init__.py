"""The commands of ``patchbay``, one file per group. A module is imported only when one of its commands is used."""
