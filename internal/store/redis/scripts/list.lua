-- Lists documents in byte order. Redis 7.0 and later.
-- KEYS: ids, documents. ARGV: where to begin, as ZRANGEBYLEX takes it; limit.
-- Returns the ids, and the documents by the thousand.
local ids = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])
local list = {ids}
for first = 1, #ids, 1000 do -- more would be too much for unpack
  list[#list + 1] = redis.call('HMGET', KEYS[2], unpack(ids, first, math.min(first + 999, #ids)))
end
return list
