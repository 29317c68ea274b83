"""State, for SQLite and PostgreSQL alike: one unit of work, one set of repositories, and the migrations."""
