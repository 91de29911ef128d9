-- Who may do a piece of background work, and from when until when, by the machine's time.

CREATE TABLE leases (
  name    TEXT    NOT NULL PRIMARY KEY,
  holder  TEXT    NOT NULL,
  claimed INTEGER NOT NULL,
  ends    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
