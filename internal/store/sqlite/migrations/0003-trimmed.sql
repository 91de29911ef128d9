-- Up to which change the overtaken ones are gone: one row.
CREATE TABLE trimmed (through INTEGER NOT NULL) STRICT;
INSERT INTO trimmed (through) VALUES (0);
