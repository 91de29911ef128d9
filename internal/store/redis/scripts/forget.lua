-- Removes as-run entries, all together. Redis 7.0 and later.
-- KEYS: retired, entries, instants. ARGV: sequences.
redis.call('INCRBY', KEYS[1], 1)
for n = 1, #ARGV do
  redis.call('HDEL', KEYS[2], ARGV[n])
  redis.call('ZREM', KEYS[3], ARGV[n])
end
return '1'
