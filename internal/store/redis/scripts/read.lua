-- Reads as-run entries by their instants. Redis 7.0 and later.
-- KEYS: instants, entries. ARGV: first instant, last instant, in ms.
-- Returns the sequences and the entries, alternating.
local sequences = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2])
local list = {}
for n = 1, #sequences do
  list[2 * n - 1] = sequences[n]
  list[2 * n] = redis.call('HGET', KEYS[2], sequences[n])
end
return list
