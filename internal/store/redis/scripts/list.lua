-- Lists documents in byte order. Redis 7.0 and later.
-- KEYS: ids, documents. ARGV: where to begin, as ZRANGEBYLEX takes it; limit.
-- Returns the ids and the documents, alternating.
local ids = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])
local list = {}
for n = 1, #ids do
  list[2 * n - 1] = ids[n]
  list[2 * n] = redis.call('HGET', KEYS[2], ids[n])
end
return list
