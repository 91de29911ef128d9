-- Which person made a change, with which access token, and from which network address.
ALTER TABLE changes ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN token TEXT NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN remote TEXT NOT NULL DEFAULT '';
