-- The whole storage contract. Instants are milliseconds since 1970 in UTC. Text is compared by its bytes.

PRAGMA application_id = 0x4C69464C; -- "LiFL"

CREATE TABLE documents (
  kind     TEXT    NOT NULL,
  id       TEXT    NOT NULL,
  revision INTEGER NOT NULL,
  body     BLOB    NOT NULL,
  UNIQUE (kind, id)
) STRICT;

-- The last revision of each deleted document, from which a new one of that name counts on.
CREATE TABLE graves (
  kind     TEXT    NOT NULL,
  id       TEXT    NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- The change feed and the audit trail in one.
CREATE TABLE changes (
  sequence   INTEGER PRIMARY KEY,
  kind       TEXT    NOT NULL,
  id         TEXT    NOT NULL,
  revision   INTEGER NOT NULL,
  deleted    INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  by         TEXT    NOT NULL,
  action     TEXT    NOT NULL,
  reason     TEXT    NOT NULL,
  request_id TEXT    NOT NULL
) STRICT;
CREATE INDEX changes_of_document ON changes (kind, id, sequence);
CREATE INDEX changes_at ON changes (at);

CREATE TABLE asrun (
  station  TEXT    NOT NULL,
  sequence INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  body     BLOB, -- NULL: none was given
  PRIMARY KEY (station, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX asrun_at ON asrun (station, at);
