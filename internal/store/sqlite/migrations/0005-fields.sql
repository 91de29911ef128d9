-- What a change changed, by field: before and after.
ALTER TABLE changes ADD COLUMN fields TEXT NOT NULL DEFAULT '';
